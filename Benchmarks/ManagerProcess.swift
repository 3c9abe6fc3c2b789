import ControlProtocol
import Foundation

/// A manager of this build in a process of its own, with its state below a folder.
final class ManagerProcess {
    /// What it has done so far.
    struct Figures {
        var usage: ProcessUsage
        /// Its own counters, by name with labels.
        var counters: [String: Double]

        /// The counter `name`, over all its labels that have `part` in them.
        func counter(_ name: String, _ part: String = "") -> Double {
            counters.filter { $0.key.hasPrefix(name) && (part.isEmpty || $0.key.contains(part)) }.values.reduce(0, +)
        }
    }

    let address: ManagerAddress
    private let http: ManagerAddress
    private let process: BenchmarkProcess

    /// Starts one that admits `links` streams and steps every `period`, and waits until it answers.
    init(folder: String, links: Int, period: String = "1s") async throws {
        address = ManagerAddress(host: "127.0.0.1", port: try LocalSocket.freePort())
        http = ManagerAddress(host: "127.0.0.1", port: try LocalSocket.freePort())
        process = try BenchmarkProcess(
            "presync",
            [
                "manager", "--until-input-ends", "--listen", "\(address)", "--http-listen", "\(http)",
                "--state-directory", folder + "/manager", "--maximum-links", "\(links)", "--period", period,
                "--time-to-live", "200s", "--log-level", "error",
            ])
        for _ in 0..<600 {
            if (try? LocalSocket.get("/metrics", from: http)) != nil { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw BenchmarkHost.NotServed(description: "the manager did not open its ports within 30 s")
    }

    var usage: ProcessUsage {
        get throws {
            guard let usage = ProcessUsage(of: process.pid) else {
                throw BenchmarkHost.NotServed(description: "the manager has ended")
            }
            return usage
        }
    }

    /// Its figures now. That it looks at the whole fleet for them comes before the reading at the beginning of a
    /// measurement (`usageLast`), and after it at the end.
    func figures(usageLast: Bool) throws -> Figures {
        let before = try usage
        var counters: [String: Double] = [:]
        for line in try LocalSocket.get("/metrics", from: http).split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            counters[String(line[..<space])] = value
        }
        return Figures(usage: usageLast ? try usage : before, counters: counters)
    }

    func end() { process.end() }
}

/// The little of TCP and HTTP that is needed to ask a daemon on this machine.
enum LocalSocket {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// A port that nothing listens on now.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound else { throw Failure(description: "no free port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The body of the answer to a GET.
    static func get(_ path: String, from server: ManagerAddress) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: server.port)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: \(server)\r\nConnection: close\r\n\r\n".utf8)
        guard isConnected, send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw Failure(description: "\(server) does not answer: errno \(errno)")
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
