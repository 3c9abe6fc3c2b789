import FleetModel

/// Design 6.2: neither what workers enforce nor what the manager has durably granted exceeds a device's memory. A durable
/// grant is over once its worker is gone or its GPU server has said that it holds nothing of it, even if the store has
/// not been told.
struct MemoryChecker: Checker {
    private let capacity: [DeviceID: Bytes]
    private var limits: [Int: (grant: GrantID, device: DeviceID, memory: Bytes)] = [:]
    private var stored: [StoredGrant] = []
    private var over: Set<GrantID> = []

    init(devices: [DeviceDescription]) {
        capacity = Dictionary(uniqueKeysWithValues: devices.map { ($0.id, $0.memory) })
    }

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .limitInForce(let worker, let grant, let device, let slice):
            limits[worker] = (grant, device, slice.memory)
            over.remove(grant)
            // A sum of integers: the dictionary's order does not show.
            let sum = limits.values.reduce(Bytes.zero) { $1.device == device ? $0 + $1.memory : $0 }
            return excess(.memory, of: sum, on: device, "workers on \(device) may use, with \(grant),")
        case .workerGone(let worker, let grant):
            limits[worker] = nil
            over.insert(grant)
            return nil
        case .commandAnswered(_, let answer) where answer.outcome == .inForce(endpoint: nil):
            over.insert(answer.grant)
            return nil
        case .serverIntroduced(let hello):
            let held = Set(hello.held.map(\.grant)).union(limits.values.map(\.grant))
            over.formUnion(
                stored.filter { $0.device.server == hello.server }.map(\.grant).filter { !held.contains($0) })
            return nil
        case .stored(let fleet):
            stored = fleet.grants
            for device in capacity.keys.sorted() {
                let grants = fleet.grants.filter { $0.device == device && !over.contains($0.grant) }
                let sum = grants.reduce(Bytes.zero) { $0 + $1.slice.memory }
                let what = "durable grants on \(device) promise with"
                let found = excess(.promise, of: sum, on: device, "\(what) \(Self.list(grants))")
                if let found { return found }
            }
            return nil
        default:
            return nil
        }
    }

    private static func list(_ grants: [StoredGrant]) -> String {
        grants.map { "\($0.grant) \($0.slice.memory.rawValue >> 20) MiB" }.joined(separator: ", ")
    }

    private func excess(
        _ rule: Violation.Rule, of sum: Bytes, on device: DeviceID, _ what: @autoclosure () -> String
    ) -> (Violation.Rule, String)? {
        let memory = capacity[device] ?? .zero
        guard sum > memory else { return nil }
        return (rule, "\(what()) \(sum.rawValue) of \(memory.rawValue) bytes")
    }
}
