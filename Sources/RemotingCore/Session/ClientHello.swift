/// The first bytes of a session, from its client.
package struct ClientHello: Hashable, Sendable {
    package var interface: InterfaceIdentity
    package var credential: SessionCredential
    /// Bytes that the worker may send before it gets credit.
    package var receiveWindow: UInt32

    package init(
        interface: InterfaceIdentity, credential: SessionCredential,
        receiveWindow: UInt32 = SessionLimits.defaultWindow
    ) {
        self.interface = interface
        self.credential = credential
        self.receiveWindow = receiveWindow
    }

    /// `PRS1` as it stands in the stream.
    static let magic: UInt32 = 0x3153_5250

    package func encoded() -> [UInt8] {
        var body = ByteWriter()
        body.write(credential.grant)
        body.write(credential.ticketHigh)
        body.write(credential.ticketLow)
        body.write(receiveWindow)
        body.write(interface)
        return HelloPrefix(magic: Self.magic, length: UInt32(body.count)).encoded() + body.bytes
    }

    /// Decodes what follows the prefix.
    init(body: ArraySlice<UInt8>) throws(RemotingError) {
        var reader = ByteReader(body)
        credential = SessionCredential(
            grant: try reader.read(), ticketHigh: try reader.read(), ticketLow: try reader.read())
        receiveWindow = try reader.read()
        try checkWindow(receiveWindow)
        interface = try reader.readIdentity()
        try reader.finish()
    }
}

/// What both hellos begin with: {magic UInt32, revision UInt16, reserved UInt16, length UInt32}.
struct HelloPrefix: Hashable, Sendable {
    static let length = 12

    var magic: UInt32
    var revision: UInt16 = SessionLimits.revision
    var length: UInt32

    func encoded() -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: Self.length)
        writer.write(magic)
        writer.write(revision)
        writer.write(UInt16(0))
        writer.write(length)
        return writer.bytes
    }

    init(magic: UInt32, revision: UInt16 = SessionLimits.revision, length: UInt32) {
        self.magic = magic
        self.revision = revision
        self.length = length
    }

    init(_ bytes: ArraySlice<UInt8>) throws(RemotingError) {
        var reader = ByteReader(bytes)
        magic = try reader.read()
        revision = try reader.read()
        let reserved: UInt16 = try reader.read()
        guard reserved == 0 else { throw RemotingError(.malformed, "reserved bits in a hello are set") }
        length = try reader.read()
    }
}

/// Throws unless `window` is one that both ends can work with.
func checkWindow(_ window: UInt32) throws(RemotingError) {
    guard (SessionLimits.leastWindow...SessionLimits.greatestWindow).contains(window) else {
        throw RemotingError(.malformed, "a receive window of \(window) bytes")
    }
}
