import FleetModel

/// What must never happen, as far as a manager can see it: every report of a peer is compared with what was granted.
extension ManagerMachine {
    /// What the watch remembers of one thing that it has seen.
    struct Stranger: Sendable {
        var since: MonotonicTime
        var memory = Bytes.zero
        var isCounted = false
    }

    /// Compares what a GPU server says that it holds with what it was granted. O(held)
    mutating func watch(_ held: [HeldGrant], at server: GPUServerID, now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        var promised = servers[server]?.devices.map { _ in Bytes.zero } ?? []
        var strangers: [GrantID: Stranger] = [:]
        for one in held {
            if promised.indices.contains(one.device.index) { promised[one.device.index] += one.slice.memory }
            let isGranted = grants.read(one.grant) { grant in
                grant.pointee.stored.device == one.device && grant.pointee.stored.instance.id == one.instance
            }
            guard let isGranted else {
                var stranger = servers[server]?.strangers[one.grant] ?? Stranger(since: now)
                stranger.memory = one.slice.memory
                effects += judge(one, &stranger, now: now)
                strangers[one.grant] = stranger
                continue
            }
            if !isGranted, let grant = grants[one.grant] {
                effects += violated(.twoHolders, one, "is \(grant.stored.instance.id)'s on \(grant.stored.device)", now)
            }
        }
        servers[server]?.strangers = strangers
        for (device, memory) in zip(servers[server]?.devices ?? [], promised) where memory > device.memory {
            effects += violated(
                .memory, device: device.id, "\(memory.rawValue) bytes are set aside, of \(device.memory.rawValue)", now)
        }
        return effects
    }

    /// Compares what an agent says that it holds with what it was told to hold. O(held)
    mutating func watch(_ held: [HeldSession], by agent: AgentID, now: MonotonicTime) -> [ManagerEffect] {
        held.flatMap { one -> [ManagerEffect] in
            guard grants.read(one.grant, { $0.pointee.stored.agent != agent }) == true, let grant = grants[one.grant]
            else { return [] }
            return violated(.twoHolders, device: grant.stored.device, "\(one.grant) is also held by \(agent)", now)
        }
    }

    /// Compares the epochs of a GPU server that comes back with those that it obeyed before.
    mutating func watch(_ epochs: [Epoch], of server: GPUServerID, now: MonotonicTime) -> [ManagerEffect] {
        guard let obeyed = servers[server]?.obeyed else { return [] }
        return zip(obeyed, epochs).enumerated().flatMap { index, pair -> [ManagerEffect] in
            guard pair.1 < pair.0 else { return [] }
            return violated(
                .epoch, device: DeviceID(server: server, index: index), "back at \(pair.1) after \(pair.0)", now)
        }
    }

    /// A grant that the manager does not know, and has asked the GPU server to end. After a lease and a while it can be
    /// neither a report that the grant's end has overtaken, nor a worker that is about to go.
    private mutating func judge(
        _ held: HeldGrant, _ stranger: inout Stranger, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard !stranger.isCounted, now - stranger.since > auditPatience else { return [] }
        stranger.isCounted = true
        return held.level == .attached
            ? violated(.durability, held, "is in use, and nothing is known of it", now)
            : violated(.lease, held, "was not granted, and still stands", now)
    }

    private mutating func violated(
        _ rule: SafetyRule, _ held: HeldGrant, _ detail: String, _ now: MonotonicTime
    ) -> [ManagerEffect] {
        violated(rule, device: held.device, "\(held.grant) of \(held.instance) \(detail)", now)
    }

    private mutating func violated(
        _ rule: SafetyRule, device: DeviceID, _ detail: String, _ now: MonotonicTime
    ) -> [ManagerEffect] {
        violations[rule, default: 0] += 1
        return [
            .record(
                FleetEvent(at: now, kind: .failure, device: device, detail: "violation of \(rule.rawValue): \(detail)"))
        ]
    }
}
