import CLinux
import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
import Synchronization
import WorkerControl

/// The process in which a session's sources are compiled before the worker builds them from the driver's cache. It is
/// started when something is to be compiled, and ends when nothing more has been for a while. Used by one thread.
final class CompilerProcess {
    enum Outcome {
        /// It bore the source; the build may still have failed.
        case compiled(ProgramBuild)
        /// The compiler ended over it; how, for a person.
        case died(String)
        case tookTooLong
        /// No process can be had.
        case unavailable
    }

    private let selector: DeviceSelector
    private let limit: Duration
    private let idle: Duration
    private var keeper: CompilerKeeper?
    private var ended: [pid_t] = []

    /// - Parameters:
    ///   - limit: how long a build may take.
    ///   - idle: after which time without a build the process ends.
    init(_ selector: DeviceSelector, limit: Duration, idle: Duration = .seconds(10)) {
        self.selector = selector
        self.limit = limit
        self.idle = idle
    }

    /// Compiles, in a process that is there already or in a new one.
    func compile(_ build: SourceBuild) -> Outcome {
        ended.removeAll { waitpid($0, nil, WNOHANG) != 0 }
        let request = build.encoded
        if let outcome = keeper?.perform(request) { return noting(outcome) }
        if let process = keeper?.process { ended.append(process) }
        do {
            let keeper = try CompilerKeeper(selector, limit: limit, idle: idle)
            self.keeper = keeper
            return noting(keeper.perform(request) ?? .unavailable)
        } catch {
            return .unavailable
        }
    }

    /// Keeps in mind what is to be reaped.
    private func noting(_ outcome: Outcome) -> Outcome {
        if case .compiled = outcome { return outcome }
        if let process = keeper?.process { ended.append(process) }
        keeper = nil
        return outcome
    }
}

/// The thread that starts a compiler's process, and with whose end the kernel ends that process.
private final class CompilerKeeper: Sendable {
    private struct State {
        var request: [UInt8]?
        var outcome: CompilerProcess.Outcome?
        var isOver = false
        var process: pid_t?
    }

    private let state = Mutex(State())
    private let asked: Wakeup
    private let answered: Wakeup
    private let limit: Duration
    private let idle: Duration
    /// How long the driver may take to open its device.
    private static let startPatience = Duration.seconds(30)

    init(_ selector: DeviceSelector, limit: Duration, idle: Duration) throws(SystemError) {
        asked = try Wakeup()
        answered = try Wakeup()
        self.limit = limit
        self.idle = idle
        try DetachedThread.start { [self] in
            let last = serve(selector)
            state.withLock { state in
                state.isOver = true
                if state.request != nil, state.outcome == nil { state.outcome = last }
            }
            answered.signal()
        }
    }

    var process: pid_t? { state.withLock { $0.process } }

    /// What comes of a request; nil when the thread had come to its end before, for want of any.
    func perform(_ request: [UInt8]) -> CompilerProcess.Outcome? {
        let isTaken = state.withLock { state in
            if !state.isOver { state.request = request }
            return !state.isOver
        }
        guard isTaken else { return nil }
        asked.signal()
        while true {
            var entries = [answered.pollEntry]
            wait(for: &entries, milliseconds: -1)
            answered.clear()
            let outcome = state.withLock { state -> CompilerProcess.Outcome? in
                defer { if state.outcome != nil { (state.request, state.outcome) = (nil, nil) } }
                return state.outcome
            }
            if let outcome { return outcome }
        }
    }

    /// Serves requests until one ends the process, or none comes. Returns the outcome of the request that is not
    /// answered yet.
    private func serve(_ selector: DeviceSelector) -> CompilerProcess.Outcome {
        guard let (process, socket) = try? Self.start(selector) else { return .unavailable }
        state.withLock { $0.process = process }
        // It has been told nothing yet: whatever keeps it from being ready is no source's doing.
        guard
            case .message = CompilerWire.receive(
                from: socket, atMost: 0, until: ContinuousClock.now + Self.startPatience)
        else { return .unavailable }
        while let request = nextRequest() {
            let deadline = ContinuousClock.now + limit
            guard CompilerWire.send(request, over: socket, until: deadline) else {
                return ContinuousClock.now < deadline ? .died(Self.ending(of: process)) : .tookTooLong
            }
            switch CompilerWire.receive(from: socket, atMost: CompilerWire.greatestAnswer, until: deadline) {
            case .message(let bytes):
                guard let build = CompilerWire.build(ofAnswer: bytes) else { return .died("without an answer") }
                state.withLock { $0.outcome = .compiled(build) }
                answered.signal()
            case .ended: return .died(Self.ending(of: process))
            case .tookTooLong: return .tookTooLong
            }
        }
        return .unavailable
    }

    /// Waits for a request; nil, and none can come any more, when there has been none for a while.
    private func nextRequest() -> [UInt8]? {
        let deadline = ContinuousClock.now + idle
        while true {
            let request = state.withLock { state -> [UInt8]? in
                if state.outcome == nil, let request = state.request { return request }
                if ContinuousClock.now >= deadline { state.isOver = true }
                return nil
            }
            if let request { return request }
            guard ContinuousClock.now < deadline else { return nil }
            let left = ContinuousClock.now.duration(to: deadline).nanoseconds
            var entries = [asked.pollEntry]
            wait(for: &entries, milliseconds: Int32(clamping: left / 1_000_000 + 1))
            asked.clear()
        }
    }

    /// This program again, with nothing inherited but the connection as its standard input, its standard error, and the
    /// cage.
    private static func start(_ selector: DeviceSelector) throws(SystemError) -> (pid_t, Descriptor) {
        let (own, child) = try ControlSocket.pair()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, child.number, STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        var environment = ["\(CompilerService.environmentKey)=\(selector)"]
        var variable = presync_environment()
        while let text = variable?.pointee {
            environment.append(String(cString: text))
            variable = variable?.advanced(by: 1)
        }
        let process = try ProgramStart.start(
            "/proc/self/exe", ["compiler"], environment: environment, lead: 0, &actions)
        return (process, own)
    }

    /// How a process ended that has closed its connection, for a person.
    private static func ending(of process: pid_t) -> String {
        var status: Int32 = 0
        for _ in 0..<200 {
            if waitpid(process, &status, WNOHANG) == process {
                let signal = status & 0x7F
                return signal == 0 ? "with status \(status >> 8 & 0xFF)" : "by signal \(signal)"
            }
            usleep(5_000)
        }
        return "without a word"
    }
}
