/// A process tree's CPU time as one counter that never goes back and loses nothing when a process ends.
///
/// A process that ends and is waited for hands its time to its parent's child time. So between two accounts the tree
/// used what its living members' own times grew by, and of what their child times grew by, the part that was not
/// counted while those children lived.
struct ProcessTreeLedger {
    private struct Times {
        var own: UInt64
        var children: UInt64
    }

    private var last: [ProcessIdentity: Times] = [:]
    private var hasBaseline = false
    /// Clock ticks used since the first account.
    private(set) var ticks: UInt64 = 0

    /// Takes the present times of all living members. The first account sets the baseline: what was used before it
    /// does not count. O(members).
    mutating func account(_ members: [ProcessStat]) {
        var ownGrowth: UInt64 = 0
        var childGrowth: UInt64 = 0
        var ended = last
        for member in members {
            let identity = ProcessIdentity(member)
            let before = ended.removeValue(forKey: identity) ?? Times(own: 0, children: 0)
            ownGrowth &+= Self.growth(from: before.own, to: member.ownTicks)
            childGrowth &+= Self.growth(from: before.children, to: member.childTicks)
            last[identity] = Times(
                own: max(before.own, member.ownTicks), children: max(before.children, member.childTicks))
        }
        var alreadyCounted: UInt64 = 0
        for (identity, times) in ended {
            alreadyCounted &+= times.own &+ times.children
            last[identity] = nil
        }
        if hasBaseline {
            ticks &+= ownGrowth &+ Self.growth(from: alreadyCounted, to: childGrowth)
        }
        hasBaseline = true
    }

    private static func growth(from before: UInt64, to now: UInt64) -> UInt64 { now > before ? now - before : 0 }
}
