import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
import SessionTransport
import WorkerControl

/// Where the worker's one session is opened: it lets in the first peer that shows the grant's ticket and runs a shared
/// version, and tells all others why not. From then on it lets in only who comes back to that session, or nobody.
///
/// At most ``capacity`` peers are heard at once, each for at most ``patience``; more wait in the listener's backlog.
struct SessionDoor {
    /// The peer that was let in: its connection, the answer that it has not yet been sent, and its stream.
    struct Opened {
        var connection: Descriptor
        /// Whether it came over TCP, which can break while both ends live.
        var isRemote: Bool
        var grant: UInt64
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
            /// What it wants cannot be told yet, or it comes back and its hello is not complete.
            case arriving([UInt8])
            case handshaking(WorkerHandshake)
            /// It comes back, and it cannot be told yet whether it may.
            case returning(ResumeHello)
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
    private var localListener: Descriptor?
    private let interface: InterfaceIdentity
    private let credential: SessionCredential
    private let deviceInformation: [UInt8]
    private let edition: InterfaceEdition
    private var visitors: [Visitor] = []

    init(
        host: String, ports: ClosedRange<UInt16>, interface: InterfaceIdentity, credential: SessionCredential,
        deviceInformation: [UInt8], edition: InterfaceEdition = .current
    ) throws(SystemError) {
        (listener, port) = try SessionSocket.listen(host: host, ports: ports)
        localListener =
            edition.sharesMemory ? LocalSessionSocket.listen(beside: port).map { Descriptor(owning: $0) } : nil
        self.edition = edition
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

    /// Hears everyone who has something to say. Returns the peer that opens the session; after that, only ``serve(now:line:)``
    /// is to be called, if anything.
    mutating func serve(now: MonotonicTime, slice: Slice) -> Opened? {
        admit(now: now)
        for index in visitors.indices.reversed() {
            switch hear(&visitors[index], now: now, slice: slice) {
            case .stays: break
            case .left: visitors.remove(at: index)
            case .opened(let opened):
                visitors.remove(at: index)
                localListener = nil
                refuseTheRest()
                return opened
            }
        }
        return nil
    }

    /// Hears who comes back to the session that was opened here.
    mutating func serve(now: MonotonicTime, line: SessionLine) {
        admit(now: now)
        for index in visitors.indices.reversed() {
            if case .left = hear(&visitors[index], now: now, line: line) { visitors.remove(at: index) }
        }
    }

    private enum Hearing {
        case stays
        case left
        case opened(Opened)
    }

    private mutating func admit(now: MonotonicTime) {
        admit(from: localListener, now: now)
        admit(from: listener, now: now)
        visitors.removeAll { $0.deadline <= now }
    }

    private mutating func admit(from listener: Descriptor?, now: MonotonicTime) {
        let isLocal = listener === localListener
        while visitors.count < Self.capacity, let connection = listener?.acceptConnection() {
            if !isLocal { SessionSocketOptions.apply(to: connection.number) }
            visitors.append(
                Visitor(
                    connection: connection, phase: .arriving([]), deadline: now + Self.patience, isLocal: isLocal))
        }
    }

    /// What a visitor has sent; nil where there is nothing, and empty where it has left.
    private static func read(_ visitor: Visitor) -> [UInt8]? {
        var outcome = Descriptor.ReadOutcome.nothingYet
        let bytes = [UInt8](unsafeUninitializedCapacity: 8_192) { buffer, count in
            outcome = visitor.connection.read(into: UnsafeMutableRawBufferPointer(buffer))
            if case .bytes(let read) = outcome { count = read }
        }
        return outcome == .nothingYet ? nil : bytes
    }

    private func hear(_ visitor: inout Visitor, now: MonotonicTime, slice: Slice) -> Hearing {
        guard let bytes = Self.read(visitor) else { return .stays }
        if bytes.isEmpty { return .left }
        if case .arriving = visitor.phase {
            let acceptance = SessionAcceptance(
                slice: SessionSlice(slice), interface: interface, deviceInformation: deviceInformation)
            visitor.phase = .handshaking(
                WorkerHandshake(acceptance: acceptance, credential: credential, revisions: edition.revisions))
        }
        guard case .handshaking(var handshake) = visitor.phase else { return .stays }
        switch handshake.received(bytes) {
        case .incomplete:
            visitor.phase = .handshaking(handshake)
        case .refused(_, let answer):
            Self.dismiss(&visitor, with: answer, now: now)
        case .accepted(_, let answer, let stream):
            let sharesMemory = visitor.isLocal && stream.revision >= SessionRevision.sharedMemory
            let memory = sharesMemory ? OfferedMemory() : nil
            return .opened(
                Opened(
                    connection: visitor.connection, isRemote: !visitor.isLocal, grant: credential.grant,
                    answer: answer, stream: stream, memory: memory))
        }
        return .stays
    }

    private func hear(_ visitor: inout Visitor, now: MonotonicTime, line: SessionLine) -> Hearing {
        let bytes = Self.read(visitor)
        if let bytes, bytes.isEmpty { return .left }
        if case .returning(let hello) = visitor.phase { return judge(hello, &visitor, now: now, line: line) }
        guard let bytes, case .arriving(let before) = visitor.phase else { return .stays }
        let received = before + bytes
        visitor.phase = .arriving(received)
        guard let isReturning = ResumeHello.begins(received) else { return .stays }
        guard isReturning else {
            Self.dismiss(&visitor, with: Self.isOpened.encoded(revision: SessionRevision.first), now: now)
            return .stays
        }
        do {
            guard let hello = try ResumeHello(decoding: received) else { return .stays }
            return judge(hello, &visitor, now: now, line: line)
        } catch {
            let refusal = SessionRefusal(.malformedHello, error.message)
            Self.dismiss(&visitor, with: ResumeAnswer.refused(refusal).encoded(), now: now)
            return .stays
        }
    }

    private func judge(
        _ hello: ResumeHello, _ visitor: inout Visitor, now: MonotonicTime, line: SessionLine
    ) -> Hearing {
        // Said before the session's thread can say more.
        let pending = ResumeAnswer.pending.encoded()
        switch line.judge(hello, from: visitor.connection, saying: pending) {
        case .accepted: return .left
        case .refused(let refusal):
            Self.dismiss(&visitor, with: ResumeAnswer.refused(refusal).encoded(), now: now)
        case .undecided: visitor.phase = .returning(hello)
        }
        return .stays
    }

    private static let isOpened = ServerHello.refused(
        SessionRefusal(.ticketInvalid, "the worker's one session has been opened"))

    /// Sends the reason and no more. It is far smaller than a fresh connection's send buffer.
    private static func dismiss(_ visitor: inout Visitor, with answer: [UInt8], now: MonotonicTime) {
        _ = answer.withUnsafeBytes { visitor.connection.send($0) }
        shutdown(visitor.connection.number, Int32(SHUT_WR))
        visitor.phase = .leaving
        visitor.deadline = min(visitor.deadline, now + timeToLeave)
    }

    private mutating func refuseTheRest() {
        for index in visitors.indices {
            if case .leaving = visitors[index].phase { continue }
            Self.dismiss(
                &visitors[index], with: Self.isOpened.encoded(revision: SessionRevision.first),
                now: visitors[index].deadline)
        }
    }
}

extension SessionSlice {
    init(_ slice: Slice) {
        self.init(memory: UInt64(clamping: slice.memory.rawValue), compute: UInt32(clamping: slice.compute.rawValue))
    }
}
