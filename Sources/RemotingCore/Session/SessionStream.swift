/// One end of an open session, without its socket: bytes in, events out; messages in, bytes out.
///
/// Its duties: frame what is sent and unframe what arrives; number frames and check the peer's numbers; keep both
/// directions within their credit; answer pings. It is either open, or *closed* after a farewell (its own or the
/// peer's), or *broken* after an error; closed and broken are terminal, and broken repeats its first error.
///
/// Three kinds of error are kept apart. The peer's fault throws a ``RemotingError``, and the stream is broken: say
/// ``goAway(_:)`` if you like, send what is left, and close the connection. Our own defect stops a debug build and
/// breaks the stream with ``RemotingError/Code/defect``. Expected races are dropped silently: frames of the peer that
/// were under way when this end said its farewell, and data or pings asked to be sent after the peer's.
///
/// A stream outlives its connection where it keeps what it sends (``SessionStream/keepForReplay()``): after a break, both
/// ends learn how far the other has come, and ``resume(from:)`` goes on with nothing lost or taken twice.
///
/// Memory is bounded: what arrives and is not taken by its receive window, a frame's payload by 1 MiB, what waits to
/// be sent, or is kept, by the peer's window, and control frames beside it by 64 KiB.
package struct SessionStream: Sendable {
    package enum Role: UInt8, Hashable, Sendable {
        case client
        case worker
    }

    package enum Event: Hashable, Sendable {
        /// The payload of one data frame: one or more whole messages. Taking it gives its credit back.
        case data([UInt8])
        /// A data frame of which the payload's head is here, and that many bytes more lie where ``Placement`` said.
        case placed(head: [UInt8], count: Int)
        /// The peer answered a ping.
        case pong(UInt64)
        /// The worker enforces another slice; only at a client.
        case sliceChanged(SessionSlice)
        /// Every request before this number has ended, and all that the client is to hear of them has come; only at a
        /// client. A later number takes the place of one that was not taken.
        case completed(UInt64)
        /// What the peer sends from here on comes through the memory that both ends share. Said once.
        case peerSwitched
        /// The peer sends nothing more.
        case goneAway(SessionFarewell)
    }

    /// Says by the first ``placementHead`` bytes of a large payload where the `count` bytes behind them are to be put, so
    /// that they are not copied twice; nil for nowhere in particular. The place has just that size, and is the stream's
    /// until the frame has arrived or the stream is given up.
    package typealias Placement = (_ head: [UInt8], _ count: Int) -> UnsafeMutableRawBufferPointer?

    /// Bytes of the head that a ``Placement`` sees: those before the data of a read's answer.
    package static let placementHead = 28

    private enum Phase: Hashable, Sendable {
        case open
        case saidFarewell
        case peerGone
        case broken(RemotingError)
    }

    package let role: Role
    /// What both ends have agreed on (``SessionRevision``).
    package let revision: UInt16
    /// What the worker enforces, as last heard (at a client) or said (at a worker).
    package private(set) var slice: SessionSlice
    /// How many frames the peer has said that it received.
    package private(set) var acknowledged: UInt64 = 0

    /// Every request of the client before this number has ended: as last heard (at a client) or said (at a worker).
    package private(set) var completed: UInt64 = 0
    /// At a worker, every frame before this must have arrived before it says another such number.
    private var saidCompleted: UInt64 = 0

    /// Whether the peer has ever sent a ping. A program does so as soon as it has taken a session over, and an agent that
    /// holds one never does.
    package private(set) var wasPinged = false

    /// At a worker, by what its client proves that it is the same when it comes back; nil where it will not.
    package private(set) var resumptionKey: ResumptionKey?
    /// At a client, for how long the worker waits for it after a break, in milliseconds; nil before the worker has said.
    package private(set) var graceMilliseconds: UInt32?

    private var hasSwitched = false
    private var hasPeerSwitched = false
    private var hasOffered = false
    private var phase = Phase.open
    private var sender: FrameSender
    private var receiver: FrameReceiver
    private var events = PendingEvents()
    private var outstandingPings: [UInt64] = []

    /// A stream just after its handshake. `sendWindow` is the peer's receive window; both are in bounds.
    package init(
        role: Role, sendWindow: UInt32, receiveWindow: UInt32, slice: SessionSlice,
        revision: UInt16 = SessionLimits.revision
    ) {
        self.role = role
        self.revision = revision
        self.slice = slice
        sender = FrameSender(credit: Int(sendWindow), window: Int(sendWindow))
        receiver = FrameReceiver(window: Int(receiveWindow))
    }

    // MARK: Receiving

    /// Takes in bytes of any length. Prefer ``receive(_:)`` where a socket can be read straight into place.
    package mutating func received(_ bytes: some Collection<UInt8>) throws(RemotingError) {
        try check()
        var rest = bytes[...]
        while !rest.isEmpty {
            let taken = receiver.withSpace { space in
                let piece = rest.prefix(space.count)
                space.copyBytes(from: piece)
                return piece.count
            }
            rest = rest.dropFirst(taken)
            try takeFrames()
        }
    }

    /// Offers memory to `read` (a socket's read), which returns how many bytes it filled; 0 where there were none.
    /// A payload is read straight into the array that ``Event/data(_:)`` carries: nothing is copied again.
    package mutating func receive(
        placing: Placement? = nil, _ read: (UnsafeMutableRawBufferPointer) -> Int
    ) throws(RemotingError) -> Int {
        try check()
        let count = receiver.withSpace(read)
        if count > 0 { try takeFrames(placing: placing) }
        return count
    }

    /// The next event, oldest first; nil when there is none.
    package mutating func nextEvent() -> Event? {
        guard let event = events.popFirst() else { return nil }
        var taken: Int?
        if case .data(let payload) = event { taken = payload.count }
        if case .placed(let head, let count) = event { taken = head.count + count }
        if let taken {
            let credit = receiver.giveBack(taken + FrameHeader.length)
            if credit > 0, canSend { sendControl(.credit, length: 4) { $0.write(credit) } }
        }
        return event
    }

    // MARK: Sending

    /// The greatest payload that ``sendData(_:bulk:)`` takes now: 0 when there is no credit, at most 1 MiB.
    package var sendablePayload: Int {
        canSend ? sender.sendablePayload : 0
    }

    /// Appends one data frame whose payload is `head` followed by `bulk`; each byte is copied once.
    ///
    /// Returns false, and does nothing, when the payload is empty or above ``sendablePayload``, and after a farewell.
    package mutating func sendData(
        _ head: [UInt8], bulk: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> Bool {
        let count = head.count + bulk.count
        guard count > 0, count <= sendablePayload else { return false }
        sender.appendData(head, bulk: bulk, acknowledging: receiver.received)
        return true
    }

    /// As ``sendData(_:bulk:)``, without a copy of `bulk`: the memory stays as it is until ``settle()``, or as long as
    /// `owner` lives, where there is one. `write` takes what it can of two pieces at once, and returns how many bytes that
    /// was; what it leaves waits for ``send(_:)``.
    package mutating func sendData(
        _ head: [UInt8], borrowing bulk: UnsafeRawBufferPointer, owner: AnyObject? = nil,
        through write: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int
    ) -> Bool {
        let count = head.count + bulk.count
        guard count > 0, count <= sendablePayload else { return false }
        sender.appendData(head, borrowing: bulk, owner: owner, acknowledging: receiver.received)
        sender.send(write)
        return true
    }

    /// Copies what is still needed of the memory that ``sendData(_:borrowing:owner:through:)`` borrowed without an owner.
    package mutating func settle() { sender.settle() }

    /// Asks the peer for a pong; dropped when 16 are outstanding or the stream has ended.
    package mutating func ping(_ token: UInt64) {
        guard canSend, outstandingPings.count < SessionLimits.outstandingPings else { return }
        outstandingPings.append(token)
        sendControl(.ping, length: 8) { $0.write(token) }
    }

    /// Tells the client what is enforced from here on. Only a worker says it.
    package mutating func announce(_ slice: SessionSlice) {
        guard role == .worker else { return defect("a client announced a slice") }
        guard canSend else { return }
        self.slice = slice
        sendControl(.slice, length: 12) { $0.write(slice) }
    }

    /// Whether a worker may say how far it has come: the client understands it, and has got the last that was said. So
    /// one is under way at most, however long a client reads nothing.
    package var canAnnounceCompleted: Bool {
        canSend && revision >= SessionRevision.completedRequests && acknowledged >= saidCompleted
    }

    /// Tells the client that every request before `number` has ended, and that all it is to hear of them was sent. Only a
    /// worker says it. Dropped where it is no news, or may not be said now (``canAnnounceCompleted``).
    package mutating func announce(completed number: UInt64) {
        guard role == .worker else { return defect("a client announced what it has completed") }
        guard canAnnounceCompleted, number > completed else { return }
        completed = number
        sendControl(.completed, length: 8) { $0.write(number) }
        saidCompleted = sender.nextSequence
    }

    /// Ends what is sent on the socket: once everything is sent, the rest goes through the memory that both ends share. A
    /// worker says it only after its client has; once each.
    package mutating func switchToSharedMemory() {
        guard !hasSwitched, role == .client || hasPeerSwitched else { return defect("a switch out of turn") }
        guard canSend else { return }
        hasSwitched = true
        sendControl(.shared, length: 0) { _ in }
        // Through memory nothing breaks but by the end of a process.
        sender.stopKeeping()
    }

    /// The last frame of this end; a second farewell is dropped. Also after an error, to say why.
    package mutating func goAway(_ farewell: SessionFarewell) {
        switch phase {
        case .saidFarewell: return
        case .open, .peerGone: phase = .saidFarewell
        case .broken where sender.saidFarewell: return
        case .broken: break
        }
        var payload = ByteWriter()
        payload.write(farewell.reason.rawValue)
        payload.write(text: farewell.message, maximum: SessionLimits.message)
        sendControl(.goAway, length: payload.count) { $0.write(bytes: payload.bytes) }
        sender.saidFarewell = true
    }

    package var hasUnsent: Bool { sender.unsentCount > 0 }

    /// Offers what waits to be sent to `write` (a socket's write), which returns how many bytes it took.
    package mutating func send(_ write: (UnsafeRawBufferPointer) -> Int) {
        sender.send { first, _ in write(first) }
    }

    /// As ``send(_:)``, in one or two pieces.
    package mutating func send(_ write: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int) {
        sender.send(write)
    }

    private mutating func sendControl(
        _ kind: FrameHeader.Kind, length: Int, _ write: (inout ByteWriter) -> Void
    ) {
        sender.append(kind, length: length, acknowledging: receiver.received, write)
    }

    /// Whether nothing more can be sent or received.
    package var isEnded: Bool { phase != .open }

    // MARK: Hand-over

    /// What another process needs to go on where this one stops, which must then use the stream no more. Nil unless
    /// the stream is open, at a frame's boundary, everything is sent, and every event was taken: send or receive on,
    /// and ask again.
    package func continuation() -> SessionContinuation? {
        guard phase == .open, !hasUnsent, events.isEmpty, outstandingPings.isEmpty, receiver.isAtBoundary
        else { return nil }
        return SessionContinuation(
            nextSendSequence: sender.nextSequence, nextReceiveSequence: receiver.received,
            acknowledged: acknowledged, sendWindow: UInt32(sender.window), sendCredit: UInt32(sender.credit),
            receiveWindow: UInt32(receiver.window), receiveCredit: UInt32(receiver.credit), slice: slice)
    }

    /// A client's stream that goes on from a hand-over.
    package init(resuming continuation: SessionContinuation) {
        role = .client
        // Its holder asks for nothing that the worker has not offered.
        revision = SessionLimits.revision
        slice = continuation.slice
        acknowledged = continuation.acknowledged
        sender = FrameSender(
            credit: Int(continuation.sendCredit), window: Int(continuation.sendWindow),
            nextSequence: continuation.nextSendSequence)
        receiver = FrameReceiver(
            window: Int(continuation.receiveWindow), credit: Int(continuation.receiveCredit),
            expected: continuation.nextReceiveSequence)
    }
}

// MARK: - Resumption

extension SessionStream {
    /// From here on keeps what it sends until the peer says to have it.
    package mutating func keepForReplay() { sender.keep() }

    /// Lets go of what was kept: a break is the end of the session.
    package mutating func stopKeeping() { sender.stopKeeping() }

    /// Tells the worker by which secret the client will prove, after a break, that it is the same. A client's first frame;
    /// what it sends from here on is kept.
    package mutating func offerResumption(_ key: ResumptionKey) {
        guard role == .client, !hasOffered else { return defect("a second offer to come back") }
        guard canSend else { return }
        hasOffered = true
        keepForReplay()
        sendControl(.resumable, length: ResumptionKey.length) { $0.write(key) }
    }

    /// Answers a client's offer: for how long it is waited for after a break; 0 where it is not.
    package mutating func answerOffer(graceMilliseconds: UInt32) {
        guard role == .worker, resumptionKey != nil else { return defect("an answer to no offer") }
        guard canSend else { return }
        sendControl(.grace, length: 4) { $0.write(graceMilliseconds) }
        if graceMilliseconds == 0 { sender.stopKeeping() }
    }

    /// Every frame before this has arrived whole: what to tell the peer after a break.
    package var received: UInt64 { receiver.received }

    /// Whether the session can go on over another connection with a peer that has every frame before `sequence`.
    package func canResume(from sequence: UInt64) -> Bool {
        phase == .open && sequence >= acknowledged && sender.canReplay(from: sequence)
    }

    /// Goes on over a new connection: sends again what the peer, which has every frame before `sequence`, has not, and
    /// expects the rest of what it said it has received itself. What had arrived of a frame is forgotten.
    ///
    /// Throws ``RemotingError/Code/sequenceBroken``, and the stream is broken, where a frame is missing that is no longer
    /// kept, or was never sent.
    package mutating func resume(from sequence: UInt64) throws(RemotingError) {
        try check()
        guard canResume(from: sequence) else {
            let error = RemotingError(
                .sequenceBroken, "the session cannot go on at frame \(sequence): it is not kept, or was never sent")
            phase = .broken(error)
            throw error
        }
        receiver.restart()
        acknowledged = sequence
        sender.acknowledge(sequence)
        sender.replay(from: sequence, acknowledging: receiver.received)
    }
}

// MARK: - Frames that arrive

extension SessionStream {
    private var canSend: Bool { phase == .open }

    private func check() throws(RemotingError) {
        if case .broken(let error) = phase { throw error }
    }

    private mutating func takeFrames(placing: Placement? = nil) throws(RemotingError) {
        do throws(RemotingError) {
            while let frame = try receiver.nextFrame(placing: placing) { try take(frame) }
            guard sender.unsentControl <= SessionLimits.unsentControl else {
                throw RemotingError(.peerNotReading, "the peer does not read what it is sent")
            }
        } catch {
            phase = .broken(error)
            throw error
        }
    }

    private mutating func take(_ frame: FrameReceiver.Frame) throws(RemotingError) {
        switch phase {
        case .open: break
        case .saidFarewell: return
        case .peerGone: throw RemotingError(.unexpected, "a frame after the peer's farewell")
        case .broken(let error): throw error
        }
        try acknowledge(frame.header.acknowledgement)
        if frame.header.kind == .data {
            return events.append(
                frame.placed > 0 ? .placed(head: frame.payload, count: frame.placed) : .data(frame.payload))
        }
        var reader = ByteReader(frame.payload)
        switch frame.header.kind {
        case .data: break
        case .credit: try sender.addCredit(Int(try reader.read(UInt32.self)))
        case .ping:
            let token: UInt64 = try reader.read()
            wasPinged = true
            sendControl(.pong, length: 8) { $0.write(token) }
        case .pong:
            let token: UInt64 = try reader.read()
            guard outstandingPings.first == token else { throw RemotingError(.unexpected, "a pong without a ping") }
            outstandingPings.removeFirst()
            events.append(.pong(token))
        case .slice:
            guard role == .client else { throw RemotingError(.unexpected, "a slice from a client") }
            slice = try reader.readSlice()
            events.replaceSlice(slice)
        case .completed:
            let number: UInt64 = try reader.read()
            guard role == .client, revision >= SessionRevision.completedRequests, number > completed else {
                throw RemotingError(.unexpected, "\(number) completed requests after \(completed), or of a client")
            }
            completed = number
            events.replaceCompleted(number)
        case .shared:
            guard revision >= SessionRevision.sharedMemory, !hasPeerSwitched, role == .worker || hasSwitched else {
                throw RemotingError(.unexpected, "a switch to shared memory out of turn")
            }
            hasPeerSwitched = true
            // What came behind it on the socket are doorbells.
            receiver.dropUnread()
            events.append(.peerSwitched)
        case .resumable:
            guard role == .worker, resumptionKey == nil else {
                throw RemotingError(.unexpected, "a secret from a worker, or a second one")
            }
            resumptionKey = try reader.readKey()
        case .grace:
            guard role == .client, graceMilliseconds == nil, hasOffered else {
                throw RemotingError(.unexpected, "an answer to no offer to come back")
            }
            let grace: UInt32 = try reader.read()
            graceMilliseconds = grace
            if grace == 0 { sender.stopKeeping() }
        case .goAway:
            let reason = SessionFarewell.Reason(rawValue: try reader.read())
            let message = try reader.readText(maximum: SessionLimits.message)
            phase = .peerGone
            events.append(.goneAway(SessionFarewell(reason, message)))
        }
        try reader.finish()
    }

    private mutating func acknowledge(_ sequence: UInt64) throws(RemotingError) {
        guard (acknowledged...sender.nextSequence).contains(sequence) else {
            throw RemotingError(
                .sequenceBroken,
                "acknowledgement \(sequence) is not in \(acknowledged)...\(sender.nextSequence)")
        }
        acknowledged = sequence
        sender.acknowledge(sequence)
    }

    private mutating func defect(_ message: String) {
        assertionFailure(message)
        phase = .broken(RemotingError(.defect, message))
    }
}
