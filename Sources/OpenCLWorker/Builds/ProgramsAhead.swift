import DeviceDrivers
import FleetModel
import RemotingCore
import Synchronization
import WorkerControl

/// Programs that are built before the session's program asks for them: those that its instance built last.
///
/// Each is handed out once: a second program of the same source is one of its own, as the API has it. One thread builds,
/// another takes.
final class ProgramsAhead<Program>: Sendable {
    typealias Made = (program: Program, build: ProgramBuild)

    private enum Entry {
        case waiting(SourceBuild)
        case underWay
        case made(Made)
    }

    /// The lock is the mutex's; a program is one thread's at a time: the builder's, then the taker's.
    private struct State: @unchecked Sendable {
        var entries: [ProgramDigest: Entry] = [:]
        /// What is still to be built, the last first.
        var order: [ProgramDigest] = []
    }

    private let state: Mutex<State>
    private let ended: Wakeup
    /// Building ahead ends after this time, so that a worker that nobody uses does not compile for long.
    private static var patience: Duration { .seconds(10) }

    /// - Parameter builds: in the order in which they are likely to be asked for, each with its digest.
    init(_ builds: [(digest: ProgramDigest, build: SourceBuild)]) throws(SystemError) {
        var state = State()
        for (digest, build) in builds { state.entries[digest] = .waiting(build) }
        state.order = builds.map(\.digest).reversed()
        self.state = Mutex(state)
        ended = try Wakeup()
    }

    /// Begins to build on a thread of its own. `build` must be callable beside the session's commands.
    func start(_ build: @escaping (SourceBuild) -> (Program?, ProgramBuild)) throws(SystemError) {
        try DetachedThread.start { [self] in
            let deadline = ContinuousClock.now + Self.patience
            while ContinuousClock.now < deadline, let (digest, next) = begin() { end(digest, build(next)) }
            state.withLock { $0.order = [] }
        }
    }

    private func begin() -> (ProgramDigest, SourceBuild)? {
        state.withLock { state in
            while let digest = state.order.popLast() {
                guard case .waiting(let build)? = state.entries[digest] else { continue }
                state.entries[digest] = .underWay
                return (digest, build)
            }
            return nil
        }
    }

    private func end(_ digest: ProgramDigest, _ outcome: (Program?, ProgramBuild)) {
        let entry = outcome.0.map { Entry.made(($0, outcome.1)) }
        nonisolated(unsafe) let made = entry
        state.withLock { $0.entries[digest] = made }
        ended.signal()
    }

    /// The program, when it has been built ahead or is being built, which is waited for; nil for one that is not, which
    /// the caller builds: that was not begun yet, or has been handed out.
    func take(_ digest: ProgramDigest, within limit: Duration) -> Made? {
        let deadline = ContinuousClock.now + limit
        while true {
            ended.clear()
            let found = state.withLock { state -> (isUnderWay: Bool, made: Made?) in
                switch state.entries[digest] {
                case .underWay: return (true, nil)
                case .made(let made):
                    state.entries[digest] = nil
                    return (false, made)
                case .waiting, nil:
                    state.entries[digest] = nil
                    return (false, nil)
                }
            }
            guard found.isUnderWay else { return found.made }
            let left = ContinuousClock.now.duration(to: deadline).nanoseconds
            guard left > 0 else { return nil }
            var entries = [ended.pollEntry]
            wait(for: &entries, milliseconds: Int32(clamping: left / 1_000_000 + 1))
        }
    }
}
