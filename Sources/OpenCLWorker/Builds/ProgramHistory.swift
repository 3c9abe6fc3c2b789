import CLinux
import Glibc
import RemotingCore
import WorkerControl

/// What an instance's programs have built on a device, kept in the instance's own folder beside what the driver keeps
/// there: no other instance's worker reaches it, and it goes when the instance's cache goes.
///
/// It is only ever a hint. What is missing or damaged is as if it had never been built; what its tenant forges there is
/// compiled for that tenant alone.
final class ProgramHistory {
    /// Builds whose sources are kept, to be built ahead.
    static let greatestCount = 16
    /// Bytes of all sources that are kept.
    static let greatestBytes = 1 << 20
    /// Builds that are known to have succeeded, by digest alone.
    static let greatestKnown = 8_192

    private static let magic: UInt32 = 0x4253_5250
    private static let revision: UInt32 = 1

    private let folder: String
    private let device: [UInt8]
    private var known: Set<ProgramDigest> = []

    /// - Parameters:
    ///   - folder: made where it is missing.
    ///   - device: what must be equal for a build to come to the same: the device, its driver and their versions.
    init(folder: String, device: [UInt8]) {
        self.folder = folder
        self.device = device
        mkdir(folder, 0o700)
        // Drafts of a worker that was killed.
        for name in names() where name.hasSuffix(Self.draftSuffix) { unlink(folder + "/" + name) }
        let bytes = Self.read(knownPath, atMost: Self.greatestKnown * ProgramDigest.length + 1) ?? []
        // What an append that was cut short has left out of step is begun anew.
        guard bytes.count % ProgramDigest.length == 0, bytes.count <= Self.greatestKnown * ProgramDigest.length else {
            unlink(knownPath)
            return
        }
        for start in stride(from: 0, to: bytes.count, by: ProgramDigest.length) {
            known.insert(ProgramDigest(bytes: Array(bytes[start..<start + ProgramDigest.length])))
        }
    }

    /// The digest of a build that is short enough to be remembered; nil for another: to hash it would take longer than
    /// it saves.
    func digest(of build: SourceBuild) -> ProgramDigest? {
        build.bytes <= Self.greatestBytes / 4 ? build.digest(for: device) : nil
    }

    /// Whether it has been built before, so that the compiler bears it.
    func knows(_ digest: ProgramDigest) -> Bool { known.contains(digest) }

    /// The build has succeeded now.
    func note(_ build: SourceBuild, _ digest: ProgramDigest) {
        if known.insert(digest).inserted { append(digest) }
        guard build.step == .build else { return }
        let path = folder + "/" + digest.text
        if utimensat(AT_FDCWD, path, nil, AT_SYMLINK_NOFOLLOW) != 0 {
            write(Self.header + build.encoded, to: path)
            for old in kept().dropLast(Self.greatestCount) { unlink(folder + "/" + old.name) }
        }
    }

    /// The builds that were made last, in the order in which they were.
    func last() -> [SourceBuild] {
        var bytes = 0
        var builds: [SourceBuild] = []
        for file in kept().reversed().prefix(Self.greatestCount) {
            guard let content = Self.read(folder + "/" + file.name, atMost: Self.greatestBytes),
                content.starts(with: Self.header), bytes + content.count <= Self.greatestBytes,
                let build = try? SourceBuild(encoded: content.dropFirst(Self.header.count)),
                // The name is a checksum of the content, and of the device, which may be another by now.
                build.digest(for: device).text == file.name
            else { continue }
            bytes += content.count
            builds.append(build)
        }
        return builds.reversed()
    }

    private static let header: [UInt8] = {
        var writer = ByteWriter()
        writer.write(magic)
        writer.write(revision)
        return writer.bytes
    }()

    /// The files of builds, that of the oldest use first.
    private func kept() -> [(name: String, seconds: Int, nanoseconds: Int)] {
        var files: [(name: String, seconds: Int, nanoseconds: Int)] = []
        for name in names() where name.utf8.count == 2 * ProgramDigest.length {
            var status = stat()
            guard lstat(folder + "/" + name, &status) == 0 else { continue }
            files.append((name, status.st_mtim.tv_sec, status.st_mtim.tv_nsec))
        }
        return files.sorted { ($0.seconds, $0.nanoseconds, $0.name) < ($1.seconds, $1.nanoseconds, $1.name) }
    }

    /// What is in the folder, in no order; at most 1,024 names.
    private func names() -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while names.count < 1_024, let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private static let draftSuffix = ".new"
    private var knownPath: String { folder + "/known" }

    /// Whole or not at all, but for a crash of the host: a file that several workers add to.
    private func append(_ digest: ProgramDigest) {
        if known.count > Self.greatestKnown {
            known = [digest]
            unlink(knownPath)
        }
        let file = open(knownPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        _ = digest.bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    }

    /// A reader sees all of it or nothing.
    private func write(_ bytes: [UInt8], to path: String) {
        let draft = "\(path).\(getpid())\(Self.draftSuffix)"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        close(file)
        if count != bytes.count || rename(draft, path) != 0 { unlink(draft) }
    }

    /// The first `count` bytes of a regular file; nil where there is none.
    private static func read(_ path: String, atMost count: Int) -> [UInt8]? {
        let number = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var status = stat()
        guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: min(count, Int(status.st_size)))
        var length = 0
        while length < bytes.count {
            let outcome = bytes.withUnsafeMutableBytes {
                file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[length...]))
            }
            guard case .bytes(let more) = outcome else { break }
            length += more
        }
        return Array(bytes.prefix(length))
    }
}
