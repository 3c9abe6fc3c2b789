import FleetModel

/// What is kept of instances that have left, so that one that comes back starts from its own history: at most
/// ``capacity``, those that left longest ago go first.
struct DepartedInstances: Sendable {
    static let capacity = 4_096

    struct Record: Sendable {
        let description: InstanceDescription
        var history: Int32
        var track: OnsetTrack
        let admitted: Int64
        let signals: HostSignals
        /// Set when it is kept.
        var order: UInt64 = 0
    }

    private var records: [InstanceID: Record] = [:]
    /// In the order of leaving; may name instances that came back since.
    private var queue: [(instance: InstanceID, order: UInt64)] = []
    private var head = 0
    private var departures: UInt64 = 0

    var count: Int { records.count }

    /// Those that left last, at most `count`, the latest first.
    func latest(_ count: Int) -> [Record] {
        Array(
            queue[head...].reversed().lazy
                .compactMap { one in records[one.instance].flatMap { $0.order == one.order ? $0 : nil } }
                .prefix(count))
    }

    /// Keeps an instance.
    ///
    /// - Returns: the histories that are free now, in a fixed order.
    mutating func add(_ record: Record) -> [Int32] {
        var freed: [Int32] = []
        var record = record
        departures += 1
        record.order = departures
        if let former = records.updateValue(record, forKey: record.description.id) { freed.append(former.history) }
        queue.append((record.description.id, departures))
        while records.count > Self.capacity || queue.count - head > 2 * Self.capacity, head < queue.count {
            let oldest = queue[head]
            head += 1
            guard let known = records[oldest.instance], known.order == oldest.order else { continue }
            records[oldest.instance] = nil
            freed.append(known.history)
        }
        if head > Self.capacity {
            queue.removeFirst(head)
            head = 0
        }
        return freed
    }

    /// Takes out the instance of this description; nil unless one of the same id, tenant and application type left, and
    /// of the same user where both are known.
    mutating func take(_ description: InstanceDescription) -> Record? {
        guard let record = records[description.id], record.description.tenant == description.tenant,
            record.description.application == description.application,
            record.description.user == nil || description.user == nil
                || record.description.user == description.user
        else { return nil }
        records[description.id] = nil
        return record
    }
}
