import AllocationCore
import FleetModel
import ForecastCore

/// The instances by their place, dense; a place whose instance is gone is nil until another takes it.
///
/// A record is large (about 700 bytes, and a dozen references), and a step asks every instance the same few questions:
/// their answers, the ``Standing``, lie beside the records in an array of their own, and follow every change by
/// themselves.
struct InstanceTable: Sendable {
    /// What a step asks of each instance. It has no references: copying it is free.
    struct Standing: Hashable, Sendable {
        /// Nil where there is no instance.
        var slot: ForecastSlot?
        var sessionEnded: MonotonicTime?
        var pausedUntil: MonotonicTime?
        var grantCount = 0
        /// Its class's.
        var weight = 0.0
        var serviceLevel = 0.0
        var grace = Duration.zero
        var mayBeTakenFrom = false
        /// Whether its class may hold no more than a share of the pool ahead of demand.
        var isBudgeted = false
        var isObserved = false
        var isGone = false
        var isAgentAway = false
        /// Whether a slice is set aside for it by order.
        var isReserved = false
        var hasShortfall = false
        /// Whether all that it lacks is room for a warm session.
        var lacksWarmSession = false
        var hasLostSession = false
        var hasUsedGPU = false
        /// Whether its class asks for a second session while it has one.
        var hasBackup = false
        /// Whether nothing is ordered of it, it is alone, and any version's library will do.
        var isPlain = false

        init() {}

        /// By its address, since a record that is handed on is copied, and each of its references counted.
        init(_ record: UnsafePointer<ManagerMachine.InstanceRecord>) {
            slot = record.pointee.slot
            sessionEnded = record.pointee.sessionEnded
            pausedUntil = record.pointee.pausedUntil
            grantCount = record.pointee.grants.count
            weight = record.pointee.priority.weight
            serviceLevel = record.pointee.priority.serviceLevel
            grace = record.pointee.priority.grace
            mayBeTakenFrom = record.pointee.priority.mayBeTakenFrom
            isBudgeted = record.pointee.priority.idleBudget < 1
            isObserved = record.pointee.isObserved
            isGone = record.pointee.isGone
            isAgentAway = record.pointee.isAgentAway
            isReserved = record.pointee.order.isReserved
            hasShortfall = record.pointee.shortfall != nil
            lacksWarmSession = record.pointee.shortfall == .warmSession
            hasLostSession = record.pointee.lostSession != nil
            hasUsedGPU = record.pointee.hasUsedGPU
            hasBackup = record.pointee.priority.backup != .none
            isPlain =
                record.pointee.order == .none && record.pointee.description.set == nil
                && record.pointee.library == nil
        }
    }

    /// Not optional, so that a record can be read and changed where it lies; where there is no instance, an empty one.
    private var records: [ManagerMachine.InstanceRecord] = []
    private var standings: [Standing] = []

    /// One record as a copy, or in its place's stead; nil where there is none. What is done for every instance is done by
    /// ``read(_:_:)`` and ``change(_:_:)``.
    subscript(place: Int) -> ManagerMachine.InstanceRecord? {
        get { standings[place].slot == nil ? nil : records[place] }
        _modify {
            // Taken out while it changes: a second reference would copy what it holds.
            var taken = ManagerMachine.InstanceRecord.vacant
            swap(&taken, &records[place])
            var record = standings[place].slot == nil ? nil : Optional(consume taken)
            defer {
                standings[place] = record.map { record in withUnsafePointer(to: record) { Standing($0) } } ?? Standing()
                records[place] = record.take() ?? .vacant
            }
            yield &record
        }
    }

    /// What a step asks of the instance at a place. O(1), without a look at its record.
    func standing(_ place: Int) -> Standing { standings[place] }

    /// Reads a record where it lies; nil where there is none.
    func read<Result>(_ place: Int, _ body: (UnsafePointer<ManagerMachine.InstanceRecord>) -> Result) -> Result? {
        guard standings[place].slot != nil else { return nil }
        return records.withUnsafeBufferPointer { records in records.baseAddress.map { body($0 + place) } }
    }

    /// Changes a record where it lies; nil where there is none.
    @discardableResult
    mutating func change<Result>(
        _ place: Int, _ body: (inout ManagerMachine.InstanceRecord) -> Result
    ) -> Result? {
        guard standings[place].slot != nil else { return nil }
        let changed = records.withUnsafeMutableBufferPointer { records in
            records.baseAddress.map { records in (body(&records[place]), Standing(records + place)) }
        }
        guard let (result, standing) = changed else { return nil }
        standings[place] = standing
        return result
    }

    /// Takes in telemetry of the instance at a place: as ``change(_:_:)``, but that its standing is made anew only where
    /// `body` says that something of it has changed.
    mutating func takeIn(_ place: Int, _ body: (inout ManagerMachine.InstanceRecord) -> Bool) {
        guard standings[place].slot != nil else { return }
        records.withUnsafeMutableBufferPointer { records in
            guard let records = records.baseAddress, body(&records[place]) else { return }
            standings[place] = Standing(records + place)
        }
    }

    mutating func append(_ record: ManagerMachine.InstanceRecord) {
        records.append(record)
        standings.append(withUnsafePointer(to: record) { Standing($0) })
    }

    /// Stops the program where a standing disagrees with its record. O(instances)
    func checkInvariants() {
        precondition(records.count == standings.count, "a place without a standing")
        for (record, standing) in zip(records, standings) where standing.slot != nil {
            precondition(withUnsafePointer(to: record) { Standing($0) } == standing, "a standing that is out of date")
        }
    }
}

extension InstanceTable: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { records.count }
}

extension ManagerMachine.InstanceRecord {
    /// What lies where there is no instance.
    fileprivate static let vacant = Self(
        description: InstanceDescription(
            id: InstanceID(unchecked: ""), tenant: TenantID(unchecked: ""),
            application: ApplicationType(unchecked: "")),
        priority: .standard, agent: AgentID(unchecked: ""), slot: ForecastSlot(rawValue: -1))
}
