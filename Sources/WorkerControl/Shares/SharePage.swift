import CLinux
import FleetModel
import Glibc
package import SessionCore
import Synchronization

/// A page of memory that a worker and its GPU server share, through which the worker's turns on its device are given
/// without a message.
///
/// The worker makes it, of memory without a name whose size is sealed (memfd_create(2)), and hands it over by its
/// descriptor to each GPU server that connects for it: also to the next one after a restart. A page without the seals is
/// refused: a worker that shrank it would end the process that touches it (`SIGBUS`).
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

    private static let size = 4_096
    /// No more seals, no shrinking, no growing (fcntl(2)).
    private static let seals: Int32 = 0x1 | 0x2 | 0x4
    /// `F_ADD_SEALS` and `F_GET_SEALS`, which Swift's Glibc module does not show.
    private static let (addSeals, getSeals): (Int32, Int32) = (1_033, 1_034)

    private let memory: UnsafeMutableRawPointer
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    let descriptor: Descriptor

    /// A new page, with the turn ``Turn/alone``.
    package static func make() throws(SystemError) -> SharePage {
        let memory = presync_memory("presync-share")
        guard memory >= 0 else { throw SystemError("memfd_create") }
        let descriptor = Descriptor(owning: memory)
        guard ftruncate(memory, off_t(size)) == 0, fcntl(memory, addSeals, seals) == 0 else {
            throw SystemError("seal a page")
        }
        let page = try SharePage(descriptor)
        page.set(.alone, aheadLimit: .milliseconds(20))
        return page
    }

    /// Maps what the other end handed over. Throws unless it is sealed memory of the right size.
    package init(_ descriptor: Descriptor) throws(SystemError) {
        let held = fcntl(descriptor.number, Self.getSeals, 0)
        var status = stat()
        guard held >= 0, held & Self.seals == Self.seals, fstat(descriptor.number, &status) == 0,
            status.st_size == off_t(Self.size)
        else { throw SystemError("a page that is not sealed", code: EINVAL) }
        let mapped = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)
        guard let mapped, mapped != MAP_FAILED else { throw SystemError("mmap") }
        self.descriptor = descriptor
        memory = mapped
        words = mapped.bindMemory(to: Atomic<UInt64>.self, capacity: Self.size / 8)
    }

    /// Hands the page over, with the first byte that the connection carries. False when the peer is gone.
    package func send(over connection: Descriptor) -> Bool {
        PassedDescriptor.send(descriptor, over: connection)
    }

    /// What ``receive(from:)`` found.
    package enum Arrival: Sendable {
        case nothingYet
        case page(SharePage)
        /// The connection has ended.
        case ended
        /// What came is no page.
        case refused(SystemError)
    }

    /// The page that a worker hands over on a new connection, if it has come.
    package static func receive(from connection: Descriptor) -> Arrival {
        let descriptor: Descriptor
        switch PassedDescriptor.receive(from: connection) {
        case .nothingYet: return .nothingYet
        case .ended: return .ended
        case .passed(nil): return .refused(SystemError("no page came over a share connection", code: EINVAL))
        case .passed(let passed?): descriptor = passed
        }
        do throws(SystemError) { return .page(try SharePage(descriptor)) } catch { return .refused(error) }
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
