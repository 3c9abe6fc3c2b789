import FleetModel

extension AllocationPlanner {
    /// Every device with what it lacks of what is needed: those with room first, then by what is missing as a share of the
    /// device, then those where nothing can be had whatever is free; of equals by name. O(devices log devices)
    func consideredDevices(_ judged: JudgedSubject, _ pool: Pool) -> [ConsideredDevice] {
        var found: [(device: ConsideredDevice, rank: Int, share: Double)] = []
        for account in pool.devices where judged.subject.order.admits(account.device) {
            let needed = needed(by: judged, on: account)
            let missing = Slice(
                memory: max(needed.memory - account.freeMemory, .zero),
                compute: needed.compute == .zero ? .zero : max(needed.compute - account.freeCompute, .zero))
            let verdict = verdict(on: account, judged.subject, needed: needed, missing: missing)
            let device = ConsideredDevice(
                device: account.device, verdict: verdict, freeMemory: account.freeMemory,
                freeCompute: account.freeCompute, missing: missing, warmSessions: account.warmSessions,
                isWarmFull: account.warmRoom <= 0)
            found.append((device, verdict.rank, Self.share(missing, of: account)))
        }
        found.sort {
            ($0.rank, $0.share, $0.device.device) < ($1.rank, $1.share, $1.device.device)
        }
        return found.map(\.device)
    }

    private func verdict(
        on account: DeviceAccount, _ subject: AllocationSubject, needed: Slice, missing: Slice
    ) -> ConsideredDevice.Verdict {
        if subject.siblings?.devices.contains(account.device) == true { return .sibling }
        if needed.memory > account.memory || needed.compute > account.wholeCompute { return .tooSmall }
        if !account.available { return .away }
        // What it has can be raised where it is.
        if subject.closed.contains(account.device), subject.holding?.device != account.device { return .noVersion }
        return missing == .zero ? .fits : .short
    }

    /// What the device must have free: less where the instance has a reservation there that grows.
    private func needed(by judged: JudgedSubject, on account: DeviceAccount) -> Slice {
        guard let holding = judged.subject.holding, holding.level == .reserved, holding.device == account.device else {
            return judged.needed
        }
        return Slice(
            memory: max(judged.needed.memory - holding.slice.memory, .zero),
            compute: max(judged.subject.amount.compute - holding.slice.compute, .zero))
    }

    private static func share(_ slice: Slice, of account: DeviceAccount) -> Double {
        let memory = Double(slice.memory.rawValue) / Double(max(account.memory.rawValue, 1))
        return memory + Double(slice.compute.rawValue) / Double(max(account.compute.rawValue, 1))
    }

    /// Others' reservations that no program has attached to, and whether they may be taken for the subject: those that may
    /// be first, then by class, the lightest first, then by name. O(others log others)
    func consideredReservations(
        for subject: AllocationSubject, _ others: [AllocationSubject], isAsked: Bool
    ) -> [ConsideredReservation] {
        let right = TakingRight(
            of: subject.priority, demand(of: subject.prospect), isAsked: isAsked, configuration.displacementShare)
        var found: [(reservation: ConsideredReservation, weight: Double)] = []
        for other in others {
            guard let holding = other.holding, holding.level == .reserved else { continue }
            let verdict: ConsideredReservation.Verdict =
                if !other.priority.mayBeTakenFrom {
                    .protected
                } else if right.reaches(other.priority.weight, demand(of: other.prospect)) {
                    holding.settled ? .takeable : .coming
                } else {
                    other.priority.weight < subject.priority.weight ? .takerMayNot : .notLower
                }
            found.append(
                (
                    ConsideredReservation(
                        instance: other.instance, grant: holding.grant, device: holding.device, slice: holding.slice,
                        priorityClass: other.priority.name, verdict: verdict), other.priority.weight
                ))
        }
        found.sort { one, other in
            let takeable = (one.reservation.verdict == .takeable, other.reservation.verdict == .takeable)
            if takeable.0 != takeable.1 { return takeable.0 }
            return (one.weight, one.reservation.instance) < (other.weight, other.reservation.instance)
        }
        return found.map(\.reservation)
    }
}

extension ConsideredDevice.Verdict {
    /// How near a device is to having room.
    fileprivate var rank: Int {
        switch self {
        case .fits: 0
        case .short: 1
        case .noVersion: 2
        case .away: 3
        case .sibling: 4
        case .tooSmall: 5
        }
    }
}
