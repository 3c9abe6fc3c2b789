import Foundation

/// The programs of this build, which lie beside the running tests.
enum Binaries {
    static let presync = path("presync")

    private static func path(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// The ids of the processes that run the worker program with `folder` on their command line, ascending.
    static func workers(below folder: String) -> [pid_t] {
        processes { pid in
            let arguments = arguments(of: pid)
            return arguments.first?.hasSuffix("presync-worker") == true
                && arguments.contains { $0.hasPrefix(folder + "/") }
        }
    }

    /// The command line of a process; empty where it has ended.
    static func arguments(of pid: pid_t) -> [String] {
        let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        return line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The ids of the children of a process, ended and not yet reaped ones among them, ascending.
    static func children(of parent: pid_t) -> [pid_t] {
        processes { pid in
            // After the name, which may hold anything and ends with the last parenthesis: the state, and the parent.
            let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat").map {
                String(decoding: $0, as: UTF8.self)
            }
            let fields = stat?.split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && fields[1] == String(parent)
        }
    }

    /// The ids of the processes with `text` on their command line or in their environment, ended ones left out,
    /// ascending.
    static func processes(mentioning text: String) -> [pid_t] {
        processes { pid in
            ["cmdline", "environ"].contains { name in
                guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/\(name)") else { return false }
                return bytes.firstRange(of: Data(text.utf8)) != nil
            }
        }
    }

    private static func processes(where isWanted: (pid_t) -> Bool) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter(isWanted).sorted()
    }
}

/// TCP ports of the loopback address that nobody listens on.
///
/// They are below those that the system gives to outgoing connections: a daemon that is killed must find its port free
/// when it comes back.
enum FreePorts {
    private static let range = UInt16(20_000)..<32_000

    static func find(_ count: Int) throws -> [UInt16] {
        var found: [UInt16] = []
        let first = UInt16.random(in: range)
        for offset in 0..<UInt16(range.count) where found.count < count {
            let port = range.lowerBound + (first - range.lowerBound + offset) % UInt16(range.count)
            if isFree(port) { found.append(port) }
        }
        guard found.count == count else { throw OwnedProcess.StartFailure(description: "no ports are free") }
        return found
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return bound == 0
    }
}
