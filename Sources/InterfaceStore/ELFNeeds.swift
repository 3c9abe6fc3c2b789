import InterfaceCore

/// What a program or a library needs of its host's C library.
enum ELFNeeds {
    /// The highest version of glibc whose symbols a file binds to, as its dynamic string table names them (`GLIBC_2.34`);
    /// nil where it names none, as a file that is no program. O(size)
    static func leastLibc(of path: String) throws -> LibcVersion? {
        let file = try StoredFile(path)
        let bytes = try file.contents(maximum: Int(BundleManifest.maximumTotalSize))
        guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return nil }
        let prefix = Array("GLIBC_".utf8)
        var least: LibcVersion?
        // Names of versions stand in a table of texts that end with a zero byte and follow on one.
        for part in bytes.split(separator: 0) where part.count < 24 && part.starts(with: prefix) {
            guard let version = LibcVersion(String(decoding: part.dropFirst(prefix.count), as: UTF8.self)) else {
                continue
            }
            least = max(least ?? version, version)
        }
        return least
    }
}
