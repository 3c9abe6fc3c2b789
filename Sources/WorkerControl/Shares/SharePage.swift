import CLinux
import FleetModel
import Glibc
package import SessionCore
import Synchronization

/// A page of memory that a worker and its GPU server share, through which the worker's turns on its device are given
/// without a message: a file beside the worker's control socket, so that both find it again after a restart.
///
/// The GPU server writes ``turn`` and ``aheadLimit``, the worker the rest, and neither waits for the other. What the
/// worker writes is believed as far as ``DeviceArbiter`` does. The worker counts a command *before* it looks whether it
/// may give it, the GPU server takes the turn *before* it looks at the count, both in sequentially consistent order: one
/// of them sees the other.
package final class SharePage: @unchecked Sendable {
    // Sendable because every word of the page is accessed atomically and the mapping stays until the last owner is gone.

    /// What the worker may do now.
    package enum Turn: UInt64, Sendable {
        /// Give nothing to the device.
        case none = 0
        /// Give commands; nobody else wants the device.
        case alone = 1
        /// Give commands, and tell when all of them have ended.
        case shared = 2
    }

    private enum Word: Int {
        case turn, aheadLimit, activity, isWaiting, outstanding, busy
    }

    package static let suffix = ".share"
    private static let size = 4_096
    private let memory: UnsafeMutableRawPointer
    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// Makes the page anew at `path`, with the turn ``Turn/alone``.
    package static func create(at path: String) throws(SystemError) -> SharePage {
        unlink(path)
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError("open \(path)") }
        let descriptor = Descriptor(owning: file)
        guard ftruncate(file, off_t(size)) == 0 else { throw SystemError("ftruncate \(path)") }
        let page = try SharePage(descriptor)
        page.set(.alone, aheadLimit: .milliseconds(20))
        return page
    }

    /// The page at `path`; throws where there is none of the right size.
    package convenience init(path: String) throws(SystemError) {
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw SystemError("open \(path)") }
        let descriptor = Descriptor(owning: file)
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size == off_t(Self.size) else {
            throw SystemError("fstat \(path)", code: EINVAL)
        }
        try self.init(descriptor)
    }

    private init(_ file: Descriptor) throws(SystemError) {
        let mapped = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0)
        guard let mapped, mapped != MAP_FAILED else { throw SystemError("mmap") }
        memory = mapped
        words = mapped.bindMemory(to: Atomic<UInt64>.self, capacity: Self.size / 8)
    }

    deinit { munmap(memory, Self.size) }

    private func load(_ word: Word) -> UInt64 { words[word.rawValue].load(ordering: .sequentiallyConsistent) }
    private func store(_ word: Word, _ value: UInt64) {
        words[word.rawValue].store(value, ordering: .sequentiallyConsistent)
    }

    // MARK: The GPU server's side

    /// Changes the turn and wakes the worker.
    package func set(_ turn: Turn, aheadLimit: Duration) {
        store(.aheadLimit, UInt64(clamping: aheadLimit.nanoseconds))
        store(.turn, turn.rawValue)
        noteActivity()
    }

    /// What the worker shows now.
    package var observation: TenantObservation {
        TenantObservation(
            isWaiting: load(.isWaiting) != 0, outstanding: Int(clamping: load(.outstanding)),
            busy: .nanoseconds(Int64(clamping: load(.busy))))
    }

    // MARK: The worker's side

    /// What the GPU server lets the worker do; nothing where the page does not hold what a GPU server writes.
    package var turn: Turn { Turn(rawValue: load(.turn)) ?? .none }

    /// Nanoseconds of device time that may be given to the device ahead.
    package var aheadLimit: Int64 { Int64(clamping: load(.aheadLimit)) }

    package func setWaiting(_ isWaiting: Bool) { store(.isWaiting, isWaiting ? 1 : 0) }

    package func addOutstanding() { words[Word.outstanding.rawValue].wrappingAdd(1, ordering: .sequentiallyConsistent) }

    /// Commands have ended, or were not given after all. Returns how many are left.
    package func removeOutstanding(_ count: Int) -> Int {
        let word = Word.outstanding.rawValue
        return Int(clamping: words[word].wrappingSubtract(UInt64(count), ordering: .sequentiallyConsistent).newValue)
    }

    package func addBusy(_ nanoseconds: UInt64) {
        words[Word.busy.rawValue].wrappingAdd(nanoseconds, ordering: .relaxed)
    }

    // MARK: Waiting

    /// Changes with each ``noteActivity()``.
    package var activity: UInt32 { UInt32(truncatingIfNeeded: load(.activity)) }

    /// Wakes whoever waits with ``awaitActivity(since:nanoseconds:)``.
    package func noteActivity() {
        words[Word.activity.rawValue].wrappingAdd(1, ordering: .sequentiallyConsistent)
        _ = presync_futex_wake(memory + Word.activity.rawValue * 8)
    }

    /// Waits until ``activity`` is no longer `known`, at most for `nanoseconds`.
    package func awaitActivity(since known: UInt32, nanoseconds: Int64) {
        // The low half of a word that lies with the least byte first.
        _ = presync_futex_wait(memory + Word.activity.rawValue * 8, known, nanoseconds)
    }
}
