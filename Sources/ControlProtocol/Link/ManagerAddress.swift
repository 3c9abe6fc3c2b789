/// Where a manager listens: `HOST:PORT`, an IPv6 host in brackets.
package struct ManagerAddress: Hashable, Sendable, LosslessStringConvertible {
    /// A host name or a numeric address.
    package var host: String
    /// A TCP port; 0 lets the system choose one where it is listened on.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package init?(_ text: String) {
        guard text.utf8.count <= 300, let colon = text.lastIndex(of: ":") else { return nil }
        guard let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, host.contains(":") == isBracketed, host.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { return nil }
        self.init(host: String(host), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Where a manager listens unless it is told otherwise.
    package static let standard = ManagerAddress(host: "127.0.0.1", port: 7_400)
}
