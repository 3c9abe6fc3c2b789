/// SHA-256 (FIPS 180-4) and the keyed hash that is made of it (HMAC, RFC 2104), for messages of a few hundred bytes: the
/// client library brings no cryptography of others into the programs that load it.
package enum SHA256 {
    /// Bytes of a hash.
    package static let length = 32
    private static let block = 64

    /// The hash of a message: 32 bytes. O(n), about 20 ns a byte.
    package static func hash(_ message: [UInt8]) -> [UInt8] {
        var state = initial
        var padded = message + [0x80]
        padded += [UInt8](repeating: 0, count: (block + 56 - padded.count % block) % block)
        withUnsafeBytes(of: UInt64(message.count * 8).bigEndian) { padded.append(contentsOf: $0) }
        for start in stride(from: 0, to: padded.count, by: block) { compress(padded[start..<start + block], &state) }
        return state.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }

    /// The authentication code of `message` under `key`: 32 bytes.
    static func code(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var key = key.count > block ? hash(key) : key
        key += [UInt8](repeating: 0, count: block - key.count)
        return hash(key.map { $0 ^ 0x5C } + hash(key.map { $0 ^ 0x36 } + message))
    }

    private static func compress(_ block: ArraySlice<UInt8>, _ state: inout [UInt32]) {
        var words = [UInt32](repeating: 0, count: 64)
        for (index, byte) in block.enumerated() { words[index / 4] = words[index / 4] << 8 | UInt32(byte) }
        for index in 16..<64 {
            let (early, late) = (words[index - 15], words[index - 2])
            let first = rotated(early, 7) ^ rotated(early, 18) ^ early >> 3
            let second = rotated(late, 17) ^ rotated(late, 19) ^ late >> 10
            words[index] = words[index - 16] &+ first &+ words[index - 7] &+ second
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for index in 0..<64 {
            let choice = e & f ^ ~e & g
            let first =
                h &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ choice &+ constants[index] &+ words[index]
            let majority = a & b ^ a & c ^ b & c
            let second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ majority
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

    /// The first 32 bits of the fractional parts of the square roots of the first 8 primes.
    private static let initial: [UInt32] = primes.prefix(8).map { fraction(of: $0) { $0.squareRoot() } }
    /// The same of the cube roots of the first 64.
    private static let constants: [UInt32] = primes.map { fraction(of: $0, cubeRoot) }

    private static let primes = (2...311).filter { number in (2..<number).allSatisfy { number % $0 != 0 } }

    /// By a `Double` of 53 bits, of which a root below 7 or below 18 leaves 48 for the fraction.
    private static func fraction(of prime: Int, _ root: (Double) -> Double) -> UInt32 {
        let root = root(Double(prime))
        return UInt32((root - root.rounded(.down)) * 4_294_967_296)
    }

    /// Newton's iteration, from above.
    private static func cubeRoot(_ number: Double) -> Double {
        var root = number
        while true {
            let next = root - (root * root * root - number) / (3 * root * root)
            guard next < root else { return root }
            root = next
        }
    }
}
