import Glibc
import Synchronization

/// Messages from any thread to one that waits on a ``Poller``: appended under a lock, announced through a pipe.
final class LoopInbox<Message: Sendable>: Sendable {
    /// The lock is held for an append or a swap only.
    private let waiting = Mutex<[Message]>([])
    private let limit: Int
    private let writer: Int32
    /// Becomes readable when there is a message.
    let descriptor: Int32

    /// An inbox that holds at most `limit` messages; nil when the process has no descriptor left.
    init?(limit: Int) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { Descriptor.makeNonBlocking(end) }
        self.limit = limit
        descriptor = ends[0]
        writer = ends[1]
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    /// Appends a message; false, and nothing done, when the inbox is full.
    @discardableResult
    func post(_ message: Message) -> Bool {
        let (accepted, isFirst) = waiting.withLock { messages in
            guard messages.count < limit else { return (false, false) }
            messages.append(message)
            return (true, messages.count == 1)
        }
        // Only the first needs a sign: whoever takes it takes all. A pipe that is full is sign enough.
        var sign: UInt8 = 1
        if isFirst { write(writer, &sign, 1) }
        return accepted
    }

    /// Everything that waits, oldest first.
    func take() -> [Message] {
        var signs: (UInt64, UInt64) = (0, 0)
        while read(descriptor, &signs, 16) == 16 {}
        return waiting.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}

/// Settings of descriptors.
enum Descriptor {
    /// Calls on the descriptor return at once, and it does not outlive an exec.
    static func makeNonBlocking(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Calls on the descriptor wait, as a program expects that knows nothing of the agent's ways.
    static func makeBlocking(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
    }

    /// A socket that never waits; negative, with the number in `errno`, when there is none to be had.
    static func nonBlockingSocket(family: Int32) -> Int32 {
        socket(family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }
}
