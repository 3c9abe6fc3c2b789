package import FleetModel

/// Where things are in a store. The same relative paths are the URLs under which a store is served.
///
/// ```
/// blobs/sha256/<hex>         one file, named by its content; read-only
/// bundles/<hex>/manifest     canonical bytes; a bundle is installed once this is here
/// bundles/<hex>/files/...    the bundle's files under their names: hard links to the blobs
/// active/<kind>              symbolic link to the bundle in force
/// incoming/                  files that are being written
/// partial/<hex>              what has come of a file whose download broke off
/// lock                       held while a bundle is activated, or removed
/// installing                 shared by installers; no bundle is removed meanwhile
/// ```
package struct StoreLayout: Hashable, Sendable {
    package let directory: String

    package init(directory: String) { self.directory = directory }

    package static func blobPath(_ digest: ContentDigest) -> String { "blobs/sha256/\(digest)" }
    package static func manifestPath(_ digest: ContentDigest) -> String { "bundles/\(digest)/manifest" }

    package func blob(_ digest: ContentDigest) -> String { "\(directory)/\(Self.blobPath(digest))" }
    package func manifest(_ digest: ContentDigest) -> String { "\(directory)/\(Self.manifestPath(digest))" }
    var bundles: String { "\(directory)/bundles" }
    func bundle(_ digest: ContentDigest) -> String { "\(bundles)/\(digest)" }
    func files(_ digest: ContentDigest) -> String { "\(bundle(digest))/files" }
    var blobs: String { "\(directory)/blobs/sha256" }
    var activeFolder: String { "\(directory)/active" }
    func active(_ kind: String) -> String { "\(activeFolder)/\(kind)" }
    var incoming: String { "\(directory)/incoming" }
    var partial: String { "\(directory)/partial" }
    var lock: String { "\(directory)/lock" }
    var installing: String { "\(directory)/installing" }

    /// The digest that `text` is the canonical name of: 64 lower-case hexadecimal digits, and nothing else.
    package static func digest(named text: String) -> ContentDigest? {
        ContentDigest(text).flatMap { $0.description == text ? $0 : nil }
    }
}
