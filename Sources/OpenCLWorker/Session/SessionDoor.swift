import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
import SessionTransport
import WorkerControl

/// Where the worker's one session is opened: it lets in the first peer that shows the grant's ticket and runs a shared
/// version, tells all others why not, and closes for good.
///
/// At most ``capacity`` peers are heard at once, each for at most ``patience``; more wait in the listener's backlog.
struct SessionDoor {
    /// The peer that was let in: its connection, the answer that it has not yet been sent, and its stream.
    struct Opened {
        var connection: Descriptor
        var answer: [UInt8]
        var stream: SessionStream
        /// What goes with the answer to a peer on this host; nil for others, and where there is none to be had.
        var memory: OfferedMemory?
    }

    /// Memory to share with the client, which it may use or not.
    struct OfferedMemory {
        var descriptor: Descriptor
        var mapping: SharedMemory

        init?() {
            guard let number = SharedMemory.make() else { return nil }
            descriptor = Descriptor(owning: number)
            guard let mapping = SharedMemory(mapping: number) else { return nil }
            self.mapping = mapping
        }
    }

    private struct Visitor {
        enum Phase {
            case handshaking(WorkerHandshake)
            /// Refused and told so; what it still sends is read and dropped, so that the reason arrives before the end.
            case leaving
        }
        var connection: Descriptor
        var phase: Phase
        var deadline: MonotonicTime
        /// Whether it came over the UNIX socket.
        var isLocal: Bool
    }

    static let capacity = 8
    static let patience = Duration.seconds(3)
    private static let timeToLeave = Duration.seconds(1)

    let port: UInt16
    private let listener: Descriptor
    /// For peers on this host; nil where the name was taken.
    private let localListener: Descriptor?
    private let interface: InterfaceIdentity
    private let credential: SessionCredential
    private let deviceInformation: [UInt8]
    private var visitors: [Visitor] = []

    init(
        host: String, ports: ClosedRange<UInt16>, interface: InterfaceIdentity, credential: SessionCredential,
        deviceInformation: [UInt8]
    ) throws(SystemError) {
        (listener, port) = try SessionSocket.listen(host: host, ports: ports)
        localListener = LocalSessionSocket.listen(beside: port).map { Descriptor(owning: $0) }
        self.interface = interface
        self.credential = credential
        self.deviceInformation = deviceInformation
    }

    /// What to wait for.
    var pollEntries: [pollfd] {
        let waiting = visitors.map { pollfd($0.connection, POLLIN) }
        let listeners = [listener, localListener].compactMap { $0.map { pollfd($0, POLLIN) } }
        return visitors.count < Self.capacity ? waiting + listeners : waiting
    }

    /// When a visitor's patience is over, if there is one.
    var nextDeadline: MonotonicTime? { visitors.map(\.deadline).min() }

    /// Hears everyone who has something to say. Returns the peer that opens the session, after which this is over.
    mutating func serve(now: MonotonicTime, slice: Slice) -> Opened? {
        admit(now: now, slice: slice)
        visitors.removeAll { $0.deadline <= now }
        for index in visitors.indices.reversed() {
            switch Self.hear(&visitors[index], now: now) {
            case .stays: break
            case .left: visitors.remove(at: index)
            case .opened(let opened):
                visitors.remove(at: index)
                refuseTheRest()
                return opened
            }
        }
        return nil
    }

    private enum Hearing {
        case stays
        case left
        case opened(Opened)
    }

    private mutating func admit(now: MonotonicTime, slice: Slice) {
        admit(from: localListener, now: now, slice: slice)
        admit(from: listener, now: now, slice: slice)
    }

    private mutating func admit(from listener: Descriptor?, now: MonotonicTime, slice: Slice) {
        let isLocal = listener === localListener
        while visitors.count < Self.capacity, let connection = listener?.acceptConnection() {
            if !isLocal { SessionSocketOptions.apply(to: connection.number) }
            let acceptance = SessionAcceptance(
                slice: SessionSlice(slice), interface: interface, deviceInformation: deviceInformation)
            visitors.append(
                Visitor(
                    connection: connection,
                    phase: .handshaking(WorkerHandshake(acceptance: acceptance, credential: credential)),
                    deadline: now + Self.patience, isLocal: isLocal))
        }
    }

    private static func hear(_ visitor: inout Visitor, now: MonotonicTime) -> Hearing {
        var outcome = Descriptor.ReadOutcome.nothingYet
        let bytes = [UInt8](unsafeUninitializedCapacity: 8_192) { buffer, count in
            outcome = visitor.connection.read(into: UnsafeMutableRawBufferPointer(buffer))
            if case .bytes(let read) = outcome { count = read }
        }
        switch outcome {
        case .nothingYet: return .stays
        case .ended: return .left
        case .bytes: break
        }
        guard case .handshaking(var handshake) = visitor.phase else { return .stays }
        switch handshake.received(bytes) {
        case .incomplete:
            visitor.phase = .handshaking(handshake)
        case .refused(_, let answer):
            dismiss(&visitor, with: answer)
            visitor.deadline = min(visitor.deadline, now + timeToLeave)
        case .accepted(_, let answer, let stream):
            let memory = visitor.isLocal ? OfferedMemory() : nil
            return .opened(
                Opened(connection: visitor.connection, answer: answer, stream: stream, memory: memory))
        }
        return .stays
    }

    /// Sends the reason and no more. It is far smaller than a fresh connection's send buffer.
    private static func dismiss(_ visitor: inout Visitor, with answer: [UInt8]) {
        _ = answer.withUnsafeBytes { visitor.connection.send($0) }
        shutdown(visitor.connection.number, Int32(SHUT_WR))
        visitor.phase = .leaving
    }

    private mutating func refuseTheRest() {
        let refusal = SessionRefusal(.ticketInvalid, "the worker's one session has been opened")
        for index in visitors.indices {
            guard case .handshaking = visitors[index].phase else { continue }
            Self.dismiss(&visitors[index], with: ServerHello.refused(refusal).encoded())
        }
    }
}

extension SessionSlice {
    init(_ slice: Slice) {
        self.init(memory: UInt64(clamping: slice.memory.rawValue), compute: UInt32(clamping: slice.compute.rawValue))
    }
}
