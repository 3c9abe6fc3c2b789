/// The program's objects by their handles, found by one look as a rule: every call looks one up, and most two.
///
/// An open-addressing table with linear probing (Knuth, "The Art of Computer Programming", volume 3, 6.4), at most
/// half full. A handle is an address of 16 bytes' alignment; a multiplication spreads it (Fibonacci hashing, ibid.).
/// Programs choose no handle, so that no one can make them collide.
struct HandleTable<Value> {
    private var keys: [UInt] = Array(repeating: Self.free, count: 64)
    private var values: [Value?] = Array(repeating: nil, count: 64)
    private(set) var count = 0

    /// No address is this.
    private static var free: UInt { 0 }

    subscript(handle: OpaquePointer) -> Value? {
        get { values[slot(of: UInt(bitPattern: handle))] }
        set {
            let key = UInt(bitPattern: handle)
            guard let newValue else { return remove(key) }
            var slot = slot(of: key)
            if keys[slot] == Self.free {
                if 2 * (count + 1) > keys.count {
                    grow()
                    slot = self.slot(of: key)
                }
                keys[slot] = key
                count += 1
            }
            values[slot] = newValue
        }
    }

    private func home(of key: UInt) -> Int {
        Int(truncatingIfNeeded: (key >> 4 &* 0x9E37_79B9_7F4A_7C15) >> 32) & (keys.count - 1)
    }

    /// Where `key` is, or the free slot where it would be.
    private func slot(of key: UInt) -> Int {
        var slot = home(of: key)
        while keys[slot] != key, keys[slot] != Self.free { slot = (slot + 1) & (keys.count - 1) }
        return slot
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = Array(repeating: Self.free, count: oldKeys.count * 2)
        values = Array(repeating: nil, count: oldKeys.count * 2)
        for (key, value) in zip(oldKeys, oldValues) where key != Self.free {
            let slot = slot(of: key)
            (keys[slot], values[slot]) = (key, value)
        }
    }

    /// Moves back what the free slot would hide from a search (Knuth's algorithm R).
    private mutating func remove(_ key: UInt) {
        var hole = slot(of: key)
        guard keys[hole] == key else { return }
        count -= 1
        let mask = keys.count - 1
        var next = (hole + 1) & mask
        while keys[next] != Self.free {
            let distance = (next &- home(of: keys[next])) & mask
            if distance >= (next &- hole) & mask {
                (keys[hole], values[hole]) = (keys[next], values[next])
                hole = next
            }
            next = (next + 1) & mask
        }
        (keys[hole], values[hole]) = (Self.free, nil)
    }
}
