import CLinux
import DeviceDrivers
import FleetModel
import Glibc
import Synchronization
import WorkerControl

/// Runs builds on a thread of their own, and waits for each no longer than its limit.
///
/// A compiler is a library in the worker's process and cannot be stopped but with it. A build that takes too long has
/// failed for its program; it runs on with the least priority, and while it does there is no other.
final class BuildWatch {
    /// How long a build may take.
    let limit: Duration
    private var last: Build?

    init(limit: Duration) { self.limit = limit }

    /// What a build came to.
    enum Outcome<Result> {
        case ended(Result)
        case tookTooLong
        /// One that took too long still runs, or there is no thread to be had.
        case refused
    }

    /// A build under way. Sendable because its thread writes ``result`` before ``isDone``, and the other reads it after.
    private class Build: @unchecked Sendable {
        let isDone = Atomic(false)
        let thread = Atomic<Int32>(0)
    }

    private final class BuildWithResult<Result>: Build, @unchecked Sendable {
        var result: Result?
    }

    func run<Result>(_ work: @escaping () -> Result) -> Outcome<Result> {
        if let last, !last.isDone.load(ordering: .acquiring) { return .refused }
        let build = BuildWithResult<Result>()
        guard let ended = try? Wakeup() else { return .refused }
        do {
            try DetachedThread.start {
                build.thread.store(presync_thread(), ordering: .relaxed)
                build.result = work()
                build.isDone.store(true, ordering: .releasing)
                ended.signal()
            }
        } catch {
            return .refused
        }
        last = build
        let deadline = ContinuousClock.now + limit
        while !build.isDone.load(ordering: .acquiring) {
            let left = ContinuousClock.now.duration(to: deadline).nanoseconds
            guard left > 0 else {
                _ = presync_let_others_go_first(build.thread.load(ordering: .relaxed))
                return .tookTooLong
            }
            var entries = [ended.pollEntry]
            wait(for: &entries, milliseconds: Int32(clamping: left / 1_000_000 + 1))
        }
        guard let result = build.result else { return .refused }
        return .ended(result)
    }
}
