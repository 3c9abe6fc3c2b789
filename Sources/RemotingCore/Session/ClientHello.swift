/// The first bytes of a session, from its client.
package struct ClientHello: Hashable, Sendable {
    package var interface: InterfaceIdentity
    package var credential: SessionCredential
    /// Bytes that the worker may send before it gets credit.
    package var receiveWindow: UInt32
    /// The revisions of the session protocol that the client speaks: those of its bundle's manifest.
    package var revisions: ClosedRange<UInt16>

    package init(
        interface: InterfaceIdentity, credential: SessionCredential,
        receiveWindow: UInt32 = SessionLimits.defaultWindow, revisions: ClosedRange<UInt16> = SessionLimits.revisions
    ) {
        self.interface = interface
        self.credential = credential
        self.receiveWindow = receiveWindow
        self.revisions = revisions
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
        let highest = revisions.upperBound
        let prefix = HelloPrefix(
            magic: Self.magic, revision: highest, lowest: highest == SessionRevision.first ? 0 : revisions.lowerBound,
            length: UInt32(body.count))
        return prefix.encoded() + body.bytes
    }

    /// Decodes what follows the prefix. A client of a later revision may say more behind it, which is left out.
    init(_ prefix: HelloPrefix, body: ArraySlice<UInt8>) throws(RemotingError) {
        revisions = try prefix.revisions()
        var reader = ByteReader(body)
        credential = SessionCredential(
            grant: try reader.read(), ticketHigh: try reader.read(), ticketLow: try reader.read())
        receiveWindow = try reader.read()
        try checkWindow(receiveWindow)
        interface = try reader.readIdentity()
        if prefix.revision <= SessionLimits.revision { try reader.finish() }
    }
}

/// What every message outside of frames begins with: {magic UInt32, revision UInt16, lowest UInt16, length UInt32}. It is
/// the same in every revision.
struct HelloPrefix: Hashable, Sendable {
    static let length = 12

    var magic: UInt32
    /// The highest that its sender speaks, in a client's hello; else the one that the message is in.
    var revision: UInt16
    /// The lowest that its sender speaks, in a client's hello from revision 2 on; else 0.
    var lowest: UInt16
    var length: UInt32

    func encoded() -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: Self.length)
        writer.write(magic)
        writer.write(revision)
        writer.write(lowest)
        writer.write(length)
        return writer.bytes
    }

    init(magic: UInt32, revision: UInt16, lowest: UInt16 = 0, length: UInt32) {
        self.magic = magic
        self.revision = revision
        self.lowest = lowest
        self.length = length
    }

    init(_ bytes: ArraySlice<UInt8>) throws(RemotingError) {
        var reader = ByteReader(bytes)
        magic = try reader.read()
        revision = try reader.read()
        lowest = try reader.read()
        length = try reader.read()
    }

    /// What the sender of a client's hello speaks.
    func revisions() throws(RemotingError) -> ClosedRange<UInt16> {
        if revision <= SessionRevision.first {
            try checkReserved()
            return revision...revision
        }
        guard (SessionRevision.first...revision).contains(lowest) else {
            throw RemotingError(.malformed, "a hello of the revisions \(lowest) to \(revision)")
        }
        return lowest...revision
    }

    /// Throws where the field that only clients' hellos use is not 0.
    func checkReserved() throws(RemotingError) {
        guard lowest == 0 else { throw RemotingError(.malformed, "reserved bits in a hello are set") }
    }
}

/// Throws unless `window` is one that both ends can work with.
func checkWindow(_ window: UInt32) throws(RemotingError) {
    guard (SessionLimits.leastWindow...SessionLimits.greatestWindow).contains(window) else {
        throw RemotingError(.malformed, "a receive window of \(window) bytes")
    }
}
