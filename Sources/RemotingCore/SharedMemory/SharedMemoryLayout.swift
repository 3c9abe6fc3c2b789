/// Where what lies in the memory that two ends of a session on one host share: `docs/wire.md`, "Shared memory".
///
/// A page of numbers, then the bytes from client to worker, then those from worker to client. Each number has a cache
/// line of its own, so that one end's writing does not slow down the other's reading of another.
package enum SharedMemoryLayout {
    /// Bytes of either direction; a power of two and whole pages.
    package static let ringCapacity = 1 << 20
    /// Bytes of the page of numbers.
    package static let headerLength = 4_096
    /// Bytes in all.
    package static let length = headerLength + 2 * ringCapacity

    /// Offsets of the numbers of one direction, each a `u64`.
    package struct Direction: Hashable, Sendable {
        /// How many bytes were ever put in; written by the sender only.
        package let produced: Int
        /// How many bytes were ever taken out; written by the receiver only.
        package let consumed: Int
        /// Where the bytes begin.
        package let bytes: Int
    }

    package static let toWorker = Direction(produced: 0, consumed: 64, bytes: headerLength)
    package static let toClient = Direction(produced: 128, consumed: 192, bytes: headerLength + ringCapacity)

    /// Offsets of the `u32`s in which an end says what it sleeps for; the other end clears what it wakes it for.
    package static let clientSleeps = 256
    package static let workerSleeps = 320

    /// What an end sleeps for.
    package enum Sleep: UInt32, Hashable, Sendable {
        /// Bytes of the other end.
        case forBytes = 1
        /// Room for bytes of its own.
        case forRoom = 2
    }
}
