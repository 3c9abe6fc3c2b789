import Glibc
package import RemotingCore
import Synchronization

/// The bytes of a session between two processes: over its socket, and from a switch on, in either direction, through a
/// memory that both ends map. After that the socket carries doorbells, a byte 0 each, for an end that sleeps; and as
/// long as it is open, so is the session.
///
/// One thread at a time calls it. Nothing here waits.
package final class SessionPipe {
    package enum ReadOutcome: Hashable, Sendable {
        case bytes(Int)
        case nothingYet
        /// The other end has closed, or the connection broke.
        case ended
    }

    private let socket: CInt
    private let memory: SharedMemory?
    private let role: SessionStream.Role
    private var sending: RingProducer?
    private var receiving: RingConsumer?
    private var hasEnded = false

    /// The socket stays the caller's, and open as long as this is used. Without `memory` there is no switch.
    package init(socket: CInt, memory: SharedMemory?, role: SessionStream.Role) {
        self.socket = socket
        self.memory = memory
        self.role = role
    }

    package var canSwitch: Bool { memory != nil }

    /// From here on what is written goes through the memory. All before it must have been written.
    package func switchSending() {
        guard memory != nil, sending == nil else { return }
        sending = RingProducer(capacity: SharedMemoryLayout.ringCapacity)
    }

    /// From here on what is read comes from the memory.
    package func switchReceiving() {
        guard memory != nil, receiving == nil else { return }
        receiving = RingConsumer(capacity: SharedMemoryLayout.ringCapacity)
    }

    package var sendsThroughMemory: Bool { sending != nil }
    package var receivesThroughMemory: Bool { receiving != nil }

    // MARK: Bytes

    /// Takes as much of `first` and then of `second` as there is room for; nil when the connection is gone. Throws when
    /// the peer does not keep to the memory's rules.
    package func write(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(RemotingError) -> Int? {
        guard let memory, var ring = sending else { return Self.send(first, second, on: socket) }
        if ring.room < first.count + second.count {
            try ring.learn(consumed: memory.number(outgoing.consumed).pointee.load(ordering: .acquiring))
        }
        let target = memory.bytes(outgoing) + ring.offset
        let head = min(first.count, ring.room)
        let tail = min(second.count, ring.room - head)
        if let source = first.baseAddress { target.copyMemory(from: source, byteCount: head) }
        if let source = second.baseAddress { (target + head).copyMemory(from: source, byteCount: tail) }
        ring.produce(head + tail)
        sending = ring
        guard head + tail > 0 else { return hasEnded ? nil : 0 }
        memory.number(outgoing.produced).pointee.store(ring.produced, ordering: .releasing)
        wakePeer(from: .forBytes)
        return hasEnded ? nil : head + tail
    }

    /// Fills the start of `space`. Throws when the peer does not keep to the memory's rules.
    package func read(into space: UnsafeMutableRawBufferPointer) throws(RemotingError) -> ReadOutcome {
        guard let memory, var ring = receiving else { return Self.receive(space, on: socket) }
        if ring.available < space.count {
            try ring.learn(produced: memory.number(incoming.produced).pointee.load(ordering: .acquiring))
        }
        let count = min(ring.available, space.count)
        guard count > 0 else { return hasEnded ? .ended : .nothingYet }
        // Copied before anyone looks at it: what is checked is not what the peer can still change.
        space.baseAddress?.copyMemory(from: memory.bytes(incoming) + ring.offset, byteCount: count)
        ring.consume(count)
        receiving = ring
        memory.number(incoming.consumed).pointee.store(ring.consumed, ordering: .releasing)
        // Who waits for room waits for a good deal of it, rather than to be woken for each frame: nothing is lost by that,
        // since this end reads on until there is.
        if ring.available <= SharedMemoryLayout.ringCapacity / 4 * 3 { wakePeer(from: .forRoom) }
        return .bytes(count)
    }

    // MARK: Waiting

    /// What to ask poll(2) for on the socket.
    package func pollEvents(forBytes: Bool = true, forRoom: Bool) -> Int32 {
        guard sending != nil else { return (forBytes ? POLLIN : 0) | (forRoom ? POLLOUT : 0) }
        return POLLIN
    }

    /// To be called before a poll of the socket; false when there is no need to wait any more.
    ///
    /// The peer writes, then looks whether this end sleeps; this end says that it sleeps, then looks what was written.
    /// Both are in one order for all (`seq_cst`), so that one of them sees the other's.
    package func prepareToSleep(forBytes: Bool = true, forRoom: Bool) -> Bool {
        guard let memory else { return true }
        let awaitsBytes = forBytes && receiving != nil
        let awaitsRoom = forRoom && sending != nil
        var reasons: UInt32 = 0
        if awaitsBytes { reasons |= SharedMemoryLayout.Sleep.forBytes.rawValue }
        if awaitsRoom { reasons |= SharedMemoryLayout.Sleep.forRoom.rawValue }
        guard reasons != 0 else { return true }
        memory.sleep(ownSleep).pointee.bitwiseOr(reasons, ordering: .sequentiallyConsistent)
        if awaitsBytes, hasBytes { return false }
        if awaitsRoom, let ring = sending,
            memory.number(outgoing.consumed).pointee.load(ordering: .sequentiallyConsistent) != ring.consumed
        {
            return false
        }
        return true
    }

    /// To be called after a poll that found the socket ready: takes the doorbells away, and notices the end.
    package func noteReady() {
        guard receiving != nil else { return }
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { space in
            // A bell that is left rings again: once is enough.
            if Self.receive(space, on: socket) == .ended { hasEnded = true }
        }
    }

    /// What became of looking for bytes.
    package enum Look: Hashable, Sendable {
        /// There are some, and they came in the time that was given.
        case found
        /// There are some, and while others ran on this processor more time passed than was given: looking did not pay.
        case late
        case nothing
    }

    /// Looks for bytes for so long, without a system call but to let others run; only where they come through memory. One
    /// that looks for the shortest time lets nobody run: where all processors are wanted, as by a compiler, it would be
    /// milliseconds before it ran again, where who sleeps for a message is woken at once.
    package func lookForBytes(nanoseconds: UInt64) -> Look {
        guard receiving != nil, nanoseconds > 0 else { return .nothing }
        let end = Self.now() + nanoseconds
        while true {
            for _ in 0..<64 where hasBytes { return Self.now() <= end + SpinBudget.least ? .found : .late }
            if Self.now() >= end { return hasBytes ? .late : .nothing }
            if nanoseconds > SpinBudget.least { sched_yield() }
        }
    }

    /// Whether there is something to read, in memory.
    package var hasBytes: Bool {
        guard let memory, let ring = receiving else { return false }
        return memory.number(incoming.produced).pointee.load(ordering: .sequentiallyConsistent) != ring.consumed
    }

    /// Rings once where the peer has said that it sleeps for this.
    private func wakePeer(from reason: SharedMemoryLayout.Sleep) {
        guard let memory else { return }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let flags = memory.sleep(peerSleep)
        guard flags.pointee.load(ordering: .relaxed) & reason.rawValue != 0 else { return }
        let before = flags.pointee.bitwiseAnd(~reason.rawValue, ordering: .sequentiallyConsistent).oldValue
        guard before & reason.rawValue != 0 else { return }
        // A socket that is full of bells rings anyway, and one that is closed is found so by the next wait.
        withUnsafeBytes(of: UInt8(0)) { _ = Self.send($0, UnsafeRawBufferPointer(start: nil, count: 0), on: socket) }
    }

    private var outgoing: SharedMemoryLayout.Direction {
        role == .client ? SharedMemoryLayout.toWorker : SharedMemoryLayout.toClient
    }
    private var incoming: SharedMemoryLayout.Direction {
        role == .client ? SharedMemoryLayout.toClient : SharedMemoryLayout.toWorker
    }
    private var ownSleep: Int {
        role == .client ? SharedMemoryLayout.clientSleeps : SharedMemoryLayout.workerSleeps
    }
    private var peerSleep: Int {
        role == .client ? SharedMemoryLayout.workerSleeps : SharedMemoryLayout.clientSleeps
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

// MARK: - The socket

extension SessionPipe {
    /// Both pieces by one call, so that neither is copied for it; nil when the connection is gone.
    private static func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, on socket: CInt
    ) -> Int? {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { vectors in
            vectors[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count)
            vectors[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
            var message = msghdr()
            message.msg_iov = vectors.baseAddress
            message.msg_iovlen = second.isEmpty ? 1 : 2
            while true {
                let count = sendmsg(socket, &message, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
                if count >= 0 { return count }
                switch errno {
                case EINTR: continue
                case EAGAIN: return 0
                default: return nil
                }
            }
        }
    }

    private static func receive(_ space: UnsafeMutableRawBufferPointer, on socket: CInt) -> ReadOutcome {
        while true {
            let count = recv(socket, space.baseAddress, space.count, CInt(MSG_DONTWAIT))
            if count > 0 { return .bytes(count) }
            if count == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .nothingYet
            default: return .ended
            }
        }
    }
}
