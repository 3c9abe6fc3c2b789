import InterfaceCore

extension TrustRepository {
    /// Whether there is a repository.
    package var exists: Bool { (try? files.newestRoot()) != nil }

    /// The bytes of a repository's timestamp, which is the one file that changes; nil where they cannot be read.
    package static func timestamp(in directory: String) -> [UInt8]? {
        try? RepositoryFiles(directory: directory).bytes(.timestamp, version: nil)
    }

    /// The bytes of a repository's first root.
    package static func firstRoot(in directory: String) throws -> [UInt8] {
        try RepositoryFiles(directory: directory).bytes(.root, version: 1)
    }
}
