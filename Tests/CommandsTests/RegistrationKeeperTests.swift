import FleetModel
import Foundation
import Glibc
import RemotingCore
import Testing

@testable import AgentRuntime
@testable import Commands

@Suite struct RegistrationKeeperTests {
    fileprivate static let registration = InstanceRegistration(
        instance: "i", tenant: "t", application: "a", priorityClass: "standard")

    /// An agent's socket, served by hand.
    private final class FakeAgent {
        let path = NSTemporaryDirectory() + "/ra-\(UUID().uuidString.prefix(8)).sock"
        private let listener: Int32

        init() throws {
            listener = try UnixSocket.listen(at: path, mode: 0o600)
            _ = fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK)
        }

        deinit {
            close(listener)
            unlink(path)
        }

        /// Waits for a program, reads its registration and answers it; the connection is the caller's to close.
        func takeRegistration() throws -> StreamSocket {
            let connection = StreamSocket(descriptor: accept(listener, nil, nil))
            let request = try HandOverRequest(decoding: try #require(connection.read(upTo: 4_096)))
            #expect(request == .registerInstance(RegistrationKeeperTests.registration))
            #expect(connection.write(HandOverReply.registered(clientLibrary: "/l.so").encoded()))
            return connection
        }
    }

    @Test func `an instance is registered with each agent that comes, and the last refusal is remembered`() async throws
    {
        let agent = try FakeAgent()
        let path = agent.path
        let begin = Task.detached {
            var socket = try AgentSocket(path: path)
            #expect(try socket.register(Self.registration) == "/l.so")
            return RegistrationKeeper(Self.registration, over: socket, path: path)
        }
        let first = try agent.takeRegistration()
        let keeper = try await begin.value
        #expect(first.write(HandOverReply.refused("first").encoded() + HandOverReply.refused("second").encoded()))
        first.close()
        let second = try agent.takeRegistration()
        second.close()
        let third = try agent.takeRegistration()
        #expect(third.write(HandOverReply.refused("last").encoded()))
        keeper.stop()
        #expect(keeper.lastRefusal == "last")
        // The end of the command is the end of the connection.
        #expect(third.read(upTo: 1) == nil)
        third.close()
    }
}
