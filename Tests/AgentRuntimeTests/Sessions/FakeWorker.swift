import Glibc
import RemotingCore

@testable import AgentRuntime

let testInterface = InterfaceIdentity(kind: "opencl", version: "0.1.0", digest: [UInt8](repeating: 7, count: 32))

/// A worker for tests: one TCP listener on loopback, driven by hand from the test's own thread.
final class FakeWorker {
    let address: SocketAddress
    let port: UInt16
    private let listener: Int32
    private(set) var connection: Int32 = -1
    private(set) var stream: SessionStream?

    init?() {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 4) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard bound, let numeric = SocketAddress(numeric: "127.0.0.1", port: port) else { return nil }
        self.address = numeric
    }

    deinit {
        close(listener)
        closeConnection()
    }

    /// Takes the agent's connection and answers its hello.
    func accept(
        expecting credential: SessionCredential, interface: InterfaceIdentity?, deviceInformation: [UInt8] = [1, 2, 3]
    ) {
        connection = Glibc.accept(listener, nil, nil)
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        guard let interface else { return }
        let acceptance = SessionAcceptance(
            slice: .zero, interface: interface, deviceInformation: deviceInformation)
        var handshake = WorkerHandshake(acceptance: acceptance, credential: credential)
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            switch handshake.received(buffer[..<count]) {
            case .incomplete:
                continue
            case .accepted(_, let answer, let stream):
                send(answer)
                self.stream = stream
                return
            case .refused(_, let answer):
                send(answer)
                return closeConnection()
            }
        }
    }

    /// Tells the client of another slice.
    func announce(_ slice: SessionSlice) {
        stream?.announce(slice)
        stream?.send { Glibc.send(connection, $0.baseAddress, $0.count, 0) }
    }

    /// The payload of the next data frame; nil when the connection ends first.
    func nextData() -> [UInt8]? {
        while true {
            if case .data(let payload)? = stream?.nextEvent() { return payload }
            let count = try? stream?.receive { recv(connection, $0.baseAddress, $0.count, 0) }
            guard let count, count > 0 else { return nil }
        }
    }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(connection, bytes, bytes.count, 0) }

    func closeConnection() {
        if connection >= 0 { close(connection) }
        connection = -1
    }
}
