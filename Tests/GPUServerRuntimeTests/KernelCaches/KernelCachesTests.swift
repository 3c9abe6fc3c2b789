import FleetModel
import Foundation
import Testing

@testable import GPUServerRuntime

@Suite("Caches of compiled kernels on the disk")
struct KernelCachesTests {
    private static let (first, second) = (InstanceID(unchecked: "first"), InstanceID(unchecked: "second"))
    private static let now: Int64 = 2_000_000_000

    /// A folder of caches that goes with its test.
    private final class Folder {
        let path = NSTemporaryDirectory() + "kc-" + UUID().uuidString.prefix(8)

        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        /// A file of so many KiB, last used `age` seconds ago, with the folders above it.
        func add(_ name: String, kibibytes: Int = 4, age: Int64 = 0) throws {
            let file = path + "/" + name
            var above = (file as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: above, withIntermediateDirectories: true)
            try Data(repeating: 7, count: kibibytes << 10).write(to: URL(fileURLWithPath: file))
            setTime(file, age)
            while above.count > path.count {
                setTime(above, age)
                above = (above as NSString).deletingLastPathComponent
            }
        }

        private func setTime(_ path: String, _ age: Int64) {
            let time = timespec(tv_sec: Int(KernelCachesTests.now - age), tv_nsec: 0)
            utimensat(AT_FDCWD, path, [time, time], 0)
        }

        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }
        var names: [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: path).sorted().filter { $0 != "lock" }) ?? []
        }
    }

    private let folder: Folder
    init() throws { folder = try Folder() }

    private func caches(perInstance: Int64 = 1 << 20, inAll: Int64 = 1 << 30, age: Duration = .seconds(1_000))
        -> KernelCaches
    {
        KernelCaches(
            folder: folder.path,
            limits: KernelCacheLimits(perInstance: Bytes(perInstance), inAll: Bytes(inAll), age: age))
    }

    @Test("one that is too great loses the programs of the oldest use, whole")
    func tooGreat() throws {
        try folder.add("instance-first/AB/OLD/program.bc", kibibytes: 600, age: 50)
        try folder.add("instance-first/AB/OLD/f/64-1-1/f.so", kibibytes: 20, age: 50)
        try folder.add("instance-first/CD/NEW/program.bc", kibibytes: 600, age: 10)
        try folder.add("instance-first/recent/0123", age: 10)
        let pruning = caches().prune(now: Self.now)
        #expect(pruning.removedPrograms == 1 && pruning.removedFolders == 0)
        #expect(!folder.has("instance-first/AB/OLD") && folder.has("instance-first/CD/NEW/program.bc"))
        #expect(folder.has("instance-first/recent/0123"))
        #expect(folder.names == ["instance-first"])
        #expect((600 << 10)...(700 << 10) ~= pruning.remaining.rawValue)
    }

    @Test("nothing is taken while the instance has a worker, and afterwards it is")
    func inUse() throws {
        try folder.add("instance-first/AB/OLD/program.bc", kibibytes: 600, age: 5_000)
        try folder.add("instance-first/AB/NEW/program.bc", kibibytes: 600, age: 5_000)
        try folder.add("instance-first/tempfile_1")
        let caches = caches()
        // Two workers: one that ends leaves the other.
        caches.begin(Self.first)
        caches.begin(Self.first)
        caches.end(Self.first)
        #expect(caches.prune(now: Self.now).removedPrograms == 0)
        #expect(folder.has("instance-first/AB/OLD/program.bc") && folder.has("instance-first/tempfile_1"))
        caches.end(Self.first)
        let pruning = caches.prune(now: Self.now)
        // The worker's end is a use of the instance, which is therefore not gone for long.
        #expect(pruning.removedFolders == 0 && pruning.removedPrograms == 2)
        #expect(!folder.has("instance-first/tempfile_1"))
    }

    @Test("a running worker that fills the disk is named")
    func overgrown() throws {
        try folder.add("instance-first/0/index", kibibytes: 2_100)
        let caches = caches()
        caches.begin(Self.first)
        #expect(caches.prune(now: Self.now).overgrown == ["instance-first"])
        #expect(folder.has("instance-first/0/index"))
    }

    @Test("an instance that is gone for long loses its cache, and none that is not")
    func gone() throws {
        try folder.add("instance-first/AB/X/program.bc", age: 5_000)
        try folder.add("instance-second/AB/X/program.bc", age: 5_000)
        try folder.add("instance-second/CD/Y/program.bc", age: 500)
        #expect(caches().prune(now: Self.now).removedFolders == 1)
        #expect(folder.names == ["instance-second"])
    }

    @Test("what a pruning that was killed had begun to remove is gone with the next, and other files stay")
    func killed() throws {
        try folder.add("removed-7/AB/X/program.bc")
        try folder.add("removed-8")
        try folder.add("mine/AB/X/program.bc", age: 50_000)
        _ = caches().prune(now: Self.now)
        #expect(folder.names == ["mine"])
    }

    @Test("links are not followed, neither to measure nor to remove")
    func links() throws {
        let outside = try Folder()
        try outside.add("AB/X/precious", kibibytes: 2_000, age: 5_000)
        try folder.add("instance-first/AB/X/program.bc", age: 5_000)
        for name in ["instance-second", "instance-first/CD", "instance-first/AB/Y", "instance-first/AB/X/z"] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/" + name, withDestinationPath: outside.path + "/AB")
        }
        // The links were made long before what is now here.
        let pruning = caches().prune(now: Self.now)
        #expect(pruning.removedFolders == 1)
        #expect(folder.names == ["instance-second"])
        #expect(outside.has("AB/X/precious"))
    }

    @Test("folders in folders beyond all measure are found, and removed")
    func deep() throws {
        let deep = (0..<200).map { _ in "d" }.joined(separator: "/")
        try folder.add("instance-first/AB/X/\(deep)/f", age: 10)
        #expect(caches().prune(now: Self.now).removedFolders == 1)
        // Those from too deep were moved up, and removed in their turn.
        #expect(folder.names.isEmpty)
    }

    @Test("files that vanish while they are looked at are passed over")
    func vanishing() throws {
        for number in 0..<150 { try folder.add("instance-first/AB/P\(number)/program.bc", age: Int64(number)) }
        let path = folder.path
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            for number in 0..<150 {
                try? FileManager.default.removeItem(atPath: path + "/instance-first/AB/P\(number)")
            }
            ended.signal()
        }
        let caches = caches(perInstance: 100 << 10)
        for _ in 0..<8 { _ = caches.prune(now: Self.now) }
        ended.wait()
        let pruning = caches.prune(now: Self.now)
        #expect(pruning.remaining.rawValue <= 100 << 10)
        #expect(folder.names == ["instance-first"])
    }

    @Test("a folder that another GPU server prunes is left alone until that ends")
    func shared() throws {
        try folder.add("removed-1")
        do {
            let first = caches()
            #expect(first.prune(now: Self.now) == KernelCaches.Pruning())
            try folder.add("removed-2")
            _ = caches().prune(now: Self.now)
            #expect(folder.names == ["removed-2"])
            withExtendedLifetime(first) {}
        }
        _ = caches().prune(now: Self.now)
        #expect(folder.names.isEmpty)
    }

    @Test("where there is none yet, there is nothing to prune")
    func none() {
        let caches = KernelCaches(folder: folder.path + "/none", limits: KernelCacheLimits())
        caches.begin(Self.second)
        caches.end(Self.second)
        #expect(caches.prune(now: Self.now) == KernelCaches.Pruning())
    }
}
