package import FleetModel

/// Whose traffic a socket carries.
package enum SocketOwner: Hashable, Sendable {
    case instance(InstanceID)
    /// The agent's own connections, and the sessions, also those that a program has taken over.
    case presync
}

/// What each owner's TCP sockets have carried, as counters that never go back: what a socket carried stays counted
/// after it has closed.
///
/// A socket's owner is learnt after the socket itself; what it carried until then is kept for whoever that proves to
/// be.
struct SocketLedger {
    /// A socket whose owner is not found in so many looks is left alone.
    static let patience = 3
    /// More sockets than this are not followed.
    static let maximumSockets = 65_536

    private struct Entry {
        var inode: UInt32
        var isLoopback: Bool
        var counters: NetworkCounters
        /// What it had carried when it was first seen, where that is not to be counted.
        var baseline: NetworkCounters
        var owner: SocketOwner?
        var looks = 0
        var pass: UInt64
    }

    private var entries: [UInt64: Entry] = [:]
    private var totals: [SocketOwner: NetworkCounters] = [:]
    /// The part of ``totals`` that left or entered the host.
    private var remoteTotals: [SocketOwner: NetworkCounters] = [:]
    private var marked: Set<UInt64> = []
    private var pass: UInt64 = 0
    /// Bytes of sockets that closed before their owner was known.
    private(set) var unattributed = NetworkCounters()

    /// What the owner's sockets have carried since it was first known.
    func counters(of owner: SocketOwner, remoteOnly: Bool = false) -> NetworkCounters {
        (remoteOnly ? remoteTotals : totals)[owner] ?? NetworkCounters()
    }

    /// The inodes of open sockets whose owner should be looked for.
    var ownerless: Set<UInt32> {
        Set(entries.values.lazy.filter { $0.owner == nil && $0.inode != 0 && $0.looks < Self.patience }.map(\.inode))
    }

    /// Makes a socket Presync's own. To be called before the socket carries anything.
    mutating func markAsPresync(cookie: UInt64) {
        guard marked.count < Self.maximumSockets else { return }
        marked.insert(cookie)
    }

    /// The socket is over and its number will not come again.
    mutating func unmark(cookie: UInt64) { marked.remove(cookie) }

    mutating func beginPass() { pass += 1 }

    /// Takes what a dump says of one socket.
    mutating func observe(_ socket: DiagnosedSocket) {
        if var entry = entries[socket.cookie] {
            credit(entry, upTo: socket.counters)
            entry.counters = socket.counters
            entry.inode = socket.inode
            entry.pass = pass
            entries[socket.cookie] = entry
        } else if entries.count < Self.maximumSockets {
            // What was there before the first look has no known period.
            let baseline = pass <= 1 ? socket.counters : NetworkCounters()
            let owner: SocketOwner? = marked.contains(socket.cookie) ? .presync : nil
            let entry = Entry(
                inode: socket.inode, isLoopback: socket.isLoopback, counters: baseline, baseline: baseline,
                owner: owner, pass: pass)
            credit(entry, upTo: socket.counters)
            entries[socket.cookie] = entry
            entries[socket.cookie]?.counters = socket.counters
        }
    }

    /// Takes the last counters of a socket that is no more.
    mutating func destroyed(_ socket: DiagnosedSocket) {
        marked.remove(socket.cookie)
        guard let entry = entries.removeValue(forKey: socket.cookie) else {
            unattributed += socket.counters
            return
        }
        if entry.owner == nil { unattributed += socket.counters.growth(since: entry.baseline) }
        credit(entry, upTo: socket.counters)
    }

    /// Ends a pass that saw every socket: those that were not seen are gone.
    mutating func endPass() {
        for (cookie, entry) in entries where entry.pass != pass {
            if entry.owner == nil { unattributed += entry.counters.growth(since: entry.baseline) }
            entries[cookie] = nil
        }
    }

    /// Says who holds the sockets that were looked for. Those of `searched` that are not named have one look less left.
    mutating func assign(_ owners: [UInt32: SocketOwner], searched: Set<UInt32>) {
        for (cookie, entry) in entries where entry.owner == nil && searched.contains(entry.inode) {
            guard let owner = owners[entry.inode] else {
                entries[cookie]?.looks += 1
                continue
            }
            var assigned = entry
            assigned.owner = owner
            assigned.counters = entry.baseline
            credit(assigned, upTo: entry.counters)
            entries[cookie]?.owner = owner
        }
    }

    /// Forgets an instance and its totals; its sockets are looked for again.
    mutating func forget(_ owner: SocketOwner) {
        totals[owner] = nil
        remoteTotals[owner] = nil
        for (cookie, entry) in entries where entry.owner == owner {
            entries[cookie]?.owner = nil
            entries[cookie]?.looks = 0
            entries[cookie]?.baseline = entry.counters
        }
    }

    /// A new owner may hold sockets that were given up on; what they carried before it was known does not count.
    mutating func lookAgain() {
        for (cookie, entry) in entries where entry.owner == nil {
            entries[cookie]?.looks = 0
            entries[cookie]?.baseline = entry.counters
        }
    }

    private mutating func credit(_ entry: Entry, upTo counters: NetworkCounters) {
        guard let owner = entry.owner else { return }
        let growth = counters.growth(since: entry.counters)
        totals[owner, default: NetworkCounters()] += growth
        if !entry.isLoopback { remoteTotals[owner, default: NetworkCounters()] += growth }
    }
}
