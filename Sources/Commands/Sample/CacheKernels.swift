/// The sample's work on the GPU, and the same arithmetic on the CPU to check it by: a stand-in for a language model's
/// inference that touches memory and computes in proportion to tokens, in whole numbers so that results are equal to
/// the bit on every device.
enum CacheKernels {
    /// Work items of `decode`, and numbers that it gives.
    static let resultCount = 1_024
    /// Cache entries that each work item of `decode` reads.
    static let readsPerItem: UInt32 = 512

    static let source = """
        uint mixed(uint x) {
            x = (x ^ (x >> 16)) * 0x7feb352du;
            x = (x ^ (x >> 15)) * 0x846ca68bu;
            return x ^ (x >> 16);
        }

        // Fills the cache from entry `first` on.
        kernel void prefill(global uint *cache, uint first, uint seed) {
            uint entry = first + (uint)get_global_id(0);
            cache[entry] = mixed(entry ^ seed);
        }

        // Reads entries all over the cache, and sums them up.
        kernel void decode(global const uint *cache, global uint *results, uint entries, uint reads, uint token) {
            uint item = (uint)get_global_id(0);
            uint sum = 0;
            for (uint read = 0; read < reads; read++)
                sum += cache[mixed(item * reads + read + token) % entries];
            results[item] = sum;
        }
        """

    /// What `mixed` gives (the constants are those of Wellons, "Prospecting for hash functions", 2018).
    static func mixed(_ value: UInt32) -> UInt32 {
        var value = (value ^ (value >> 16)) &* 0x7FEB_352D
        value = (value ^ (value >> 15)) &* 0x846C_A68B
        return value ^ (value >> 16)
    }

    /// What `decode` must give for one item of a cache that `prefill` filled whole. O(``readsPerItem``).
    static func expectedResult(item: UInt32, token: UInt32, entries: UInt32, seed: UInt32) -> UInt32 {
        var sum: UInt32 = 0
        for read in 0..<readsPerItem {
            let entry = mixed(item &* readsPerItem &+ read &+ token) % entries
            sum &+= mixed(entry ^ seed)
        }
        return sum
    }
}
