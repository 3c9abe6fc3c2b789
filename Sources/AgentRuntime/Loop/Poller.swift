import FleetModel
import Glibc

/// Which descriptor an event is about. Never used again, so that an event of a closed descriptor meets nobody.
struct PollToken: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt64
}

/// Waits for descriptors to become ready (poll(2)). Belongs to one thread; a wait is O(descriptors watched).
final class Poller {
    struct Interest: OptionSet {
        let rawValue: Int16
        static let read = Interest(rawValue: Int16(POLLIN))
        static let write = Interest(rawValue: Int16(POLLOUT))
    }

    struct Ready {
        var token: PollToken
        var events: Int16

        var isReadable: Bool { events & Int16(POLLIN | POLLHUP | POLLERR | POLLNVAL) != 0 }
        var isWritable: Bool { events & Int16(POLLOUT | POLLHUP | POLLERR | POLLNVAL) != 0 }
    }

    private var watched: [pollfd] = []
    private var tokens: [PollToken] = []
    private var places: [PollToken: Int] = [:]
    private var nextToken: UInt64 = 1

    /// Watches a descriptor until it is removed, which has to come before its close.
    func add(_ descriptor: Int32, _ interest: Interest) -> PollToken {
        let token = PollToken(rawValue: nextToken)
        nextToken += 1
        places[token] = watched.count
        watched.append(pollfd(fd: descriptor, events: interest.rawValue, revents: 0))
        tokens.append(token)
        return token
    }

    func change(_ token: PollToken, to interest: Interest) {
        if let place = places[token] { watched[place].events = interest.rawValue }
    }

    func remove(_ token: PollToken) {
        guard let place = places.removeValue(forKey: token) else { return }
        // The last one takes the place.
        watched.swapAt(place, watched.count - 1)
        tokens.swapAt(place, tokens.count - 1)
        watched.removeLast()
        tokens.removeLast()
        if place < tokens.count { places[tokens[place]] = place }
    }

    /// Waits until something is ready, at most for `timeout`; nil waits without end.
    func wait(atMost timeout: Duration?) -> [Ready] {
        // Rounded up, so that a deadline has passed when the wait for it is over.
        let milliseconds = timeout.map { Int32(clamping: max(0, $0.nanoseconds) / 1_000_000 + 1) }
        let count = poll(&watched, nfds_t(watched.count), milliseconds ?? -1)
        guard count > 0 else { return [] }
        return watched.indices.compactMap { place in
            watched[place].revents == 0 ? nil : Ready(token: tokens[place], events: watched[place].revents)
        }
    }
}
