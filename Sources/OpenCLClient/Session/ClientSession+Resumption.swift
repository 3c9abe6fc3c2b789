import Glibc
import RemotingCore

// MARK: - A connection that breaks

extension ClientSession {
    /// Replaces the connection, which broke for this reason, by a new one to the same worker, and has what the worker has
    /// not got sent again. Gives the lock up meanwhile; who waits for the session waits on. Throws when the session is lost.
    func comeBack(_ reason: String) throws(OpenCLError) {
        guard !isLost else { throw .deviceNotAvailable }
        guard var resumption, !stream.isEnded, stream.graceMilliseconds != 0 else { throw lose(reason) }
        guard !isResuming else {
            while isResuming { lock.wait() }
            guard !isLost else { throw .deviceNotAvailable }
            return
        }
        note(reason)
        isResuming = true
        // Whoever sleeps for the old connection wakes, and waits for the new one.
        shutdown(descriptor, CInt(SHUT_RDWR))
        lock.wakeAll()
        let subject = ClientResumption.Subject(
            grant: facts.grant, received: stream.received, graceMilliseconds: stream.graceMilliseconds)
        lock.release()
        let outcome = resumption.comeBack(to: subject)
        lock.acquire()
        self.resumption = resumption
        isResuming = false
        defer { lock.wakeAll() }
        switch outcome {
        case .failure(let failure): throw lose("\(reason), and \(failure.reason)")
        case .success(let found): try goOn(found)
        }
    }

    private func goOn(_ found: WorkerAddress.Return) throws(OpenCLError) {
        defer { close(found.descriptor) }
        // The child of a fork has given the session up, in its copy of this.
        guard !isLost else { throw .deviceNotAvailable }
        do throws(RemotingError) {
            try stream.resume(from: found.received)
            try stream.received(found.rest)
            // Nobody would be woken for what is here already.
            while let event = stream.nextEvent() { try handle(event) }
        } catch {
            throw lose(error.message)
        }
        // The number stays, for threads that are about to wait for it.
        guard dup2(found.descriptor, descriptor) == descriptor else { throw lose("no descriptor") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        note("the connection to the worker was replaced")
    }

    /// Has a thread notice a break while the program is in no call: a worker does not wait for long. It is started with the
    /// first request that is answered: an answer that the program does not take for long may break the connection itself.
    /// It sleeps until the connection ends.
    func watchConnection() {
        guard resumption != nil, !hasGuardian else { return }
        hasGuardian = true
        let guarded = Unmanaged.passRetained(self)
        let isStarted = LibraryThread.start(with: guarded.toOpaque()) { argument in
            if let argument { ClientSession.guardConnection(of: Unmanaged.fromOpaque(argument)) }
            return nil
        }
        if !isStarted { guarded.release() }
    }

    /// The guardian's thread. The session, which it was given to keep, goes under the lock if it is the last to have it.
    private static func guardConnection(of session: Unmanaged<ClientSession>) {
        let lock = Library.shared.lock
        lock.acquire()
        session.takeUnretainedValue().guardConnection()
        session.release()
        lock.release()
    }

    /// The guardian's life. The lock is held.
    private func guardConnection() {
        while !isLost {
            lock.release()
            _ = waitUntilReady(descriptor, Self.peerClosed, milliseconds: -1)
            lock.acquire()
            // Another thread that is at it finds the same.
            if hasReader || isResuming { lock.wait() } else { try? poll() }
        }
    }

    /// `POLLRDHUP` (poll(2)), which Swift's Glibc module does not show: the peer sends nothing more.
    private static let peerClosed: CShort = 0x2000

    /// Says farewell, if it can be said at once.
    func part() {
        guard resumption != nil, !isLost, !isResuming else { return }
        stream.goAway(SessionFarewell(.finished, "the program has ended"))
        resumption = nil
        try? transmit()
    }
}
