import Determinism

/// The sample's work on the CPU: a MinHash signature of the payload's words (Broder, "On the resemblance and
/// containment of documents", 1997), which takes time in proportion to the payload's length.
enum PayloadSignature {
    /// Hash functions; each word is hashed by all of them.
    static let length = 2_048

    /// The least value of each hash function over all words. O(payload's words × ``length``).
    static func compute(_ payload: [UInt8]) -> [UInt32] {
        var generator = SeededGenerator(seed: 0x5160)
        let multipliers = (0..<length).map { _ in UInt32(truncatingIfNeeded: generator.next()) | 1 }
        let offsets = (0..<length).map { _ in UInt32(truncatingIfNeeded: generator.next()) }
        var signature = [UInt32](repeating: .max, count: length)
        for word in words(of: payload) {
            for index in 0..<length {
                let hash = word &* multipliers[index] &+ offsets[index]
                signature[index] = min(signature[index], hash)
            }
        }
        return signature
    }

    /// One number that stands for the whole signature.
    static func digest(_ signature: [UInt32]) -> UInt32 {
        signature.reduce(0x811C_9DC5) { ($0 ^ $1) &* 0x0100_0193 }
    }

    /// A hash of each word between spaces (FNV-1a, 32 bits).
    private static func words(of payload: [UInt8]) -> [UInt32] {
        var words: [UInt32] = []
        words.reserveCapacity(payload.count / 5)
        var hash: UInt32 = 0x811C_9DC5
        for byte in payload {
            if byte == 0x20 {
                words.append(hash)
                hash = 0x811C_9DC5
            } else {
                hash = (hash ^ UInt32(byte)) &* 0x0100_0193
            }
        }
        words.append(hash)
        return words
    }
}
