package import Glibc

/// An open file descriptor, closed when its last owner lets go of it.
package final class Descriptor: Sendable {
    /// What a read of a descriptor that does not block came to.
    package enum ReadOutcome: Hashable, Sendable {
        case bytes(Int)
        case nothingYet
        /// The other end has closed, or the connection broke.
        case ended
    }

    package let number: Int32

    package init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadOutcome {
        while true {
            let count = Glibc.read(number, buffer.baseAddress, buffer.count)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .nothingYet
            default: return .ended
            }
        }
    }

    /// Sends on a socket without waiting. Returns how many bytes were taken, 0 when there is no room, and nil when the
    /// connection is gone.
    package func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
        while true {
            let count = Glibc.send(
                number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            default: return nil
            }
        }
    }

    /// The next connection of a listener, which does not block and is closed on exec; nil when there is none.
    package func acceptConnection() -> Descriptor? {
        let accepted = accept(number, nil, nil)
        guard accepted >= 0 else { return nil }
        let connection = Descriptor(owning: accepted)
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        connection.stopBlocking()
        return connection
    }

    package func stopBlocking() {
        _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
    }
}

/// An operating-system call that failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package var call: String
    package var code: Int32

    /// `call` just failed on this thread.
    package init(_ call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    package var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// Waits until one of `entries` is ready or `milliseconds` are over; -1 waits without end. An interrupted wait counts
/// as over.
package func wait(for entries: inout [pollfd], milliseconds: Int32) {
    if poll(&entries, nfds_t(entries.count), milliseconds) <= 0 {
        for index in entries.indices { entries[index].revents = 0 }
    }
}

extension pollfd {
    package init(_ descriptor: Descriptor, _ events: Int32) {
        self.init(fd: descriptor.number, events: Int16(events), revents: 0)
    }

    /// Whether there is anything to do: what was asked for, a hang-up or an error.
    package var isReady: Bool { revents != 0 }
}
