import FleetModel
import Foundation
import RemotingCore
import Synchronization

/// Keeps this process registered as an instance while its command runs: when the agent goes, the one that comes after it
/// hears of the instance again. It also remembers why the agent last refused a program of the instance.
///
/// One thread of its own waits for the agent and for ``stop()``. The lock is held for a copy only.
final class RegistrationKeeper: Sendable {
    /// How long an agent is waited for before the next try: the first time, and at most.
    private static let firstPause: Duration = .milliseconds(100)
    private static let longestPause: Duration = .seconds(3)

    private let registration: InstanceRegistration
    private let path: String
    private let refusal = Mutex<String?>(nil)
    private let stopRequest: FileHandle
    private let stopSignal: FileHandle
    private let ended = DispatchSemaphore(value: 0)

    /// Begins to keep what has been registered over `agent`, which is closed here in the end.
    init(_ registration: InstanceRegistration, over agent: AgentSocket, path: String) {
        self.registration = registration
        self.path = path
        let pipe = Pipe()
        (stopSignal, stopRequest) = (pipe.fileHandleForReading, pipe.fileHandleForWriting)
        for handle in [stopSignal, stopRequest] { _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC) }
        Thread.detachNewThread { [self] in
            keep(agent)
            ended.signal()
        }
    }

    /// Why the agent last refused a program of the instance; nil where it never did.
    var lastRefusal: String? { refusal.withLock { $0 } }

    /// Gives the registration up, once all is read that the agent has said. To be called once.
    func stop() {
        stopRequest.closeIgnoringErrors()
        ended.wait()
    }

    private func keep(_ agent: AgentSocket) {
        var current: AgentSocket? = agent
        while var agent = current {
            let isStopping = listen(to: &agent)
            agent.close()
            current = isStopping ? nil : registerAgain()
        }
    }

    /// Takes in what the agent says until it is gone. Returns whether the end of the command came first.
    private func listen(to agent: inout AgentSocket) -> Bool {
        while true {
            // Some may have come together with the answer to the registration.
            for notice in agent.takeNotices() {
                switch notice {
                case .refused(let reason): refusal.withLock { $0 = reason }
                case .warned(let text): StandardError.write("presync run: \(text)\n")
                case .session, .sessionOf, .registered, .reportTaken: break
                }
            }
            let ready = wait(for: agent.descriptor, atMost: nil)
            if ready.descriptor {
                guard agent.readMore() else { return false }
            } else if ready.stop {
                return true
            }
        }
    }

    /// Tries until an agent takes the instance; nil when the command has ended before.
    private func registerAgain() -> AgentSocket? {
        var pause = Self.firstPause
        var lastProblem: String?
        while true {
            // Many instances of a host miss the same agent: they must not all come back at one moment.
            let wait = pause * Int.random(in: 50...100) / 100
            if self.wait(for: -1, atMost: wait).stop { return nil }
            do throws(CommandFailure) {
                var agent = try AgentSocket(path: path)
                do throws(CommandFailure) {
                    _ = try agent.register(registration)
                    return agent
                } catch {
                    agent.close()
                    throw error
                }
            } catch {
                if error.status == .failure, error.cause != lastProblem {
                    lastProblem = error.cause
                    FileHandle.standardError.write(Data("presync run: \(error.cause)\n".utf8))
                }
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    /// Waits until the descriptor can be read from, or the end of the command has come, or the time is over.
    private func wait(for descriptor: Int32, atMost time: Duration?) -> (descriptor: Bool, stop: Bool) {
        var entries = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stopSignal.fileDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        let milliseconds = time.map { Int32(clamping: Int64($0.inMilliseconds)) } ?? -1
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return (false, false) }
        return (entries[0].revents != 0, entries[1].revents != 0)
    }
}
