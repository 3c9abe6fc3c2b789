import RemotingCore
import Testing

/// Two ends of a session, and what they were given.
struct SessionFixture {
    var client: SessionStream
    var worker: SessionStream

    static let credential = SessionCredential(
        grant: 7, ticketHigh: 0x0123_4567_89AB_CDEF, ticketLow: 0xFEDC_BA98_7654_3210)
    static let slice = SessionSlice(memory: 1 << 30, compute: 250)

    init(window: UInt32 = SessionLimits.leastWindow) {
        client = SessionStream(role: .client, sendWindow: window, receiveWindow: window, slice: .zero)
        worker = SessionStream(role: .worker, sendWindow: window, receiveWindow: window, slice: .zero)
    }

    static func identity(
        version: String = "0.1.0", digest: UInt8 = 1, testedWith: [UInt8] = []
    ) throws -> InterfaceIdentity {
        try #require(
            InterfaceIdentity(
                kind: "opencl", version: version, digest: Array(repeating: digest, count: 32),
                testedWith: testedWith.map { Array(repeating: $0, count: 32) }))
    }

    static func hello(_ interface: InterfaceIdentity) -> ClientHello {
        ClientHello(interface: interface, credential: credential, receiveWindow: SessionLimits.leastWindow)
    }

    static func acceptance(_ interface: InterfaceIdentity) -> SessionAcceptance {
        SessionAcceptance(
            receiveWindow: SessionLimits.leastWindow, slice: slice, interface: interface,
            deviceInformation: [1, 2, 3])
    }
}

extension SessionStream {
    /// Everything that waits to be sent.
    mutating func takeUnsent() -> [UInt8] {
        var bytes: [UInt8] = []
        while hasUnsent {
            send { piece in
                bytes.append(contentsOf: piece)
                return piece.count
            }
        }
        return bytes
    }

    /// Sends the payload as one frame, which is to be possible or (`false`) not.
    mutating func expectToSend(
        _ payload: [UInt8], _ expected: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let sent = sendData(payload)
        #expect(sent == expected, sourceLocation: sourceLocation)
    }

    mutating func takeEvents() -> [Event] {
        var events: [Event] = []
        while let event = nextEvent() { events.append(event) }
        return events
    }
}
