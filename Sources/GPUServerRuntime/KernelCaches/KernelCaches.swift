package import FleetModel
import Glibc
import InterfaceStore
import Synchronization
import WorkerControl

/// The caches in which drivers keep the kernels that they compiled, a folder for each instance: who uses which, and their
/// pruning. The folder is this GPU server's alone.
///
/// What is removed is renamed first, under the lock that a worker's start takes too: a worker finds a cache whole, or
/// none.
package final class KernelCaches: Sendable {
    static let removedPrefix = "removed-"

    /// What a pruning came to.
    package struct Pruning: Hashable, Sendable {
        /// Bytes on the disk that remain, as far as they were counted.
        package var remaining = Bytes.zero
        package var removedFolders = 0
        package var removedPrograms = 0
        /// Instances whose workers have filled their cache beyond what a running worker may.
        package var overgrown: Set<String> = []
    }

    package let folder: String
    private let limits: KernelCacheLimits
    private let state = Mutex(State())

    private struct State {
        /// Workers by the name of their cache.
        var workers: [String: Int] = [:]
        var removals = 0
        /// Held as long as the process lives: the lock of who prunes the folder.
        var lock: Int32 = -1
    }

    package init(folder: String, limits: KernelCacheLimits) {
        self.folder = folder
        self.limits = limits
    }

    /// A worker of the instance is about to start, or has been taken up: its cache stays as it is until
    /// ``end(_:)``.
    func begin(_ instance: InstanceID) {
        let name = KernelCacheFolder.name(of: instance)
        state.withLock { $0.workers[name, default: 0] += 1 }
        noteUse(of: name)
    }

    /// That worker is gone.
    func end(_ instance: InstanceID) {
        let name = KernelCacheFolder.name(of: instance)
        noteUse(of: name)
        state.withLock { state in
            let left = (state.workers[name] ?? 1) - 1
            state.workers[name] = left > 0 ? left : nil
        }
    }

    /// Now is when the instance had a worker last.
    private func noteUse(of name: String) { utimensat(AT_FDCWD, folder + "/" + name, nil, AT_SYMLINK_NOFOLLOW) }

    /// Brings the caches within their limits, and removes what an earlier pruning or a driver left behind. Does nothing where
    /// another process prunes the folder, whose workers are not known here. Costs a look at
    /// every file (about 2 µs each); call it from one thread at a time, which is not the one that starts workers.
    /// - Parameter now: seconds since 1970.
    package func prune(now: Int64) -> Pruning {
        guard let root = FolderWalk(folder), isOwner else { return Pruning() }
        var caches: [KernelCacheContents] = []
        for child in root.children() {
            if child.name.hasPrefix(Self.removedPrefix) {
                root.remove(child.name)
            } else if child.isFolder, child.name.hasPrefix(KernelCacheFolder.prefix) {
                caches.append(Self.contents(of: child.name, in: root))
            }
        }
        let used = Set(state.withLock { $0.workers }.keys)
        let plan = KernelCachePlan(caches, used: used, limits: limits, now: now)
        var pruning = Pruning(remaining: Bytes(plan.remaining), overgrown: Set(plan.overgrown))
        for removal in plan.removals { carryOut(removal, in: root, &pruning) }
        return pruning
    }

    /// Whether this process is the one that prunes the folder (flock(2)): the first that asked, until it ends.
    private var isOwner: Bool {
        state.withLock { state in
            if state.lock >= 0 { return true }
            let lock = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard lock >= 0 else { return false }
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
                close(lock)
                return false
            }
            state.lock = lock
            return true
        }
    }

    deinit {
        let lock = state.withLock { $0.lock }
        if lock >= 0 { FileLock.release(lock) }
    }

    private func carryOut(_ removal: KernelCachePlan.Removal, in root: borrowing FolderWalk, _ pruning: inout Pruning) {
        let moved = state.withLock { state -> [String] in
            // A worker has come since the plan was made.
            guard state.workers[removal.name] == nil else { return [] }
            let paths = removal.paths?.map { removal.name + "/" + $0 } ?? [removal.name]
            return paths.compactMap { path in
                state.removals += 1
                let target = "\(Self.removedPrefix)\(state.removals)"
                return rename(folder + "/" + path, folder + "/" + target) == 0 ? target : nil
            }
        }
        if removal.paths == nil {
            pruning.removedFolders += moved.count
        } else {
            pruning.removedPrograms += moved.count
        }
        for name in moved { root.remove(name) }
    }

    /// What is known of drivers: PoCL keeps each program in a folder of its own in one of two letters, and its drafts
    /// beside these (lib/CL/pocl_cache.c). What another driver made is kept or removed whole; NVIDIA's bounds its cache by
    /// itself (`CUDA_CACHE_MAXSIZE`).
    private static func contents(of name: String, in root: borrowing FolderWalk) -> KernelCacheContents {
        var contents = KernelCacheContents(name: name, bytes: 0, lastUse: 0)
        guard let cache = FolderWalk(name, in: root) else { return contents }
        var whole = FolderWalk.Measure()
        for child in cache.children() {
            guard whole.count <= FolderWalk.greatestCount else {
                whole.isCut = true
                break
            }
            if child.isFolder, isPair(child.name), let pair = FolderWalk(child.name, in: cache) {
                for program in pair.children() {
                    let measure = pair.measure(program.name)
                    whole.add(measure)
                    contents.programs.append(entry(child.name + "/" + program.name, measure))
                }
            } else {
                let measure = cache.measure(child.name)
                whole.add(measure)
                if child.name.hasPrefix("tempfile_") { contents.leftovers.append(entry(child.name, measure)) }
            }
        }
        contents.bytes = whole.bytes
        contents.lastUse = max(whole.newest, cache.lastChange)
        contents.isBeyondMeasure = whole.isCut
        return contents
    }

    private static func isPair(_ name: String) -> Bool {
        name.utf8.count == 2 && name.utf8.allSatisfy { (0x41...0x5A).contains($0) }
    }

    private static func entry(_ path: String, _ measure: FolderWalk.Measure) -> KernelCacheEntry {
        KernelCacheEntry(path: path, bytes: measure.bytes, lastUse: measure.newest)
    }
}
