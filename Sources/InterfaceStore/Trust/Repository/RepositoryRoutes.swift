package import Hummingbird
package import Logging

/// Serves a repository's metadata and targets under a path, parts of files too, and nothing else of its folder. Call it
/// before routes are added.
///
/// Caches are told to ask again for metadata, because whether a next version exists is news. Targets have their digest
/// in their name and never change.
package func addRepositoryFiles(
    to router: Router<BasicRequestContext>, directory: String, at path: String = "/repository", logger: Logger
) {
    let files = RepositoryFiles(directory: directory)
    router.add(
        middleware: FileMiddleware(
            files.metadata, urlBasePath: path + "/metadata",
            cacheControl: CacheControl([(.applicationJson, [.noCache])]), logger: logger))
    router.add(middleware: FileMiddleware(files.targets, urlBasePath: path + "/targets", logger: logger))
}
