/// A message in the payload of a data frame, which holds one or more of them, whole.
///
/// On the wire: {body length UInt32, kind UInt16, reserved UInt16 = 0}, then the body.
package protocol WireMessage: Hashable, Sendable {
    /// Decodes the body of a message of `kind`; what is left over is checked by the caller.
    init(kind: UInt16, body: inout ByteReader) throws(RemotingError)

    var kind: UInt16 { get }

    /// Appends the body.
    func writeBody(to writer: inout ByteWriter)
}

extension WireMessage {
    /// Appends the message with its header.
    package func write(to writer: inout ByteWriter) {
        let start = writer.count
        WireMessageHeader(kind: kind, bodyLength: 0).write(to: &writer)
        writeBody(to: &writer)
        writer.overwrite(UInt32(writer.count - start - WireMessageHeader.length), at: start)
    }

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Header and body of a message whose last field is a blob, without the `bulk` bytes of it, which are sent
    /// after it from where they lie. `self` holds the blob empty.
    func head(bulk: Int) -> [UInt8] {
        var writer = ByteWriter()
        write(to: &writer)
        writer.overwrite(UInt32(writer.count - WireMessageHeader.length + bulk), at: 0)
        writer.overwrite(UInt32(bulk), at: writer.count - 4)
        return writer.bytes
    }
}

struct WireMessageHeader {
    static let length = 8

    var kind: UInt16
    var bodyLength: UInt32

    func write(to writer: inout ByteWriter) {
        writer.write(bodyLength)
        writer.write(kind)
        writer.write(UInt16(0))
    }
}

/// The messages of one data frame, decoded one at a time.
package struct WireMessages<Message: WireMessage>: Sendable {
    private var reader: ByteReader

    package init(payload: [UInt8]) {
        reader = ByteReader(payload)
    }

    /// The next message; nil after the last. After an error the rest of the payload means nothing.
    package mutating func next() throws(RemotingError) -> Message? {
        guard reader.remaining > 0 else { return nil }
        let length: UInt32 = try reader.read()
        let kind: UInt16 = try reader.read()
        let reserved: UInt16 = try reader.read()
        guard reserved == 0 else { throw RemotingError(.malformed, "reserved bits of a message are set") }
        var body = try reader.readSection(count: Int(length))
        let message = try Message(kind: kind, body: &body)
        try body.finish()
        return message
    }
}
