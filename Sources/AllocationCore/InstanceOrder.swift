package import FleetModel

/// What operators have ordered of one instance, as the planner sees it.
package struct InstanceOrder: Hashable, Sendable {
    /// Where its slices must be; nil for anywhere.
    package var pin: PinnedPlace?
    /// Whether its ``AllocationSubject/amount`` is set aside whatever is forecast, and stays.
    package var isReserved: Bool

    package init(pin: PinnedPlace? = nil, isReserved: Bool = false) {
        self.pin = pin
        self.isReserved = isReserved
    }

    package static let none = InstanceOrder()

    package func admits(_ device: DeviceID) -> Bool { pin?.admits(device) ?? true }
}

extension Pool {
    /// A pool of the devices that a pin admits, with what is promised on them: what is decided on it is decided for them
    /// alone. O(devices of the GPU server)
    func part(admittedBy pin: PinnedPlace) -> Pool {
        var part = Pool(computeOvercommit: 1, maximumWarmPerDevice: maximumWarmPerDevice)
        for account in accounts(admittedBy: pin) {
            part.add(account.device, memory: account.memory, compute: account.compute)
            // The account is of a pool in which all of it fitted.
            try? part.adopt(account.reserved, on: account.device)
            for _ in 0..<account.warmSessions { part.adoptWarm(on: account.device) }
            part.setMaximumWarm(account.maximumWarm, on: account.device)
            part.setAvailable(account.device, account.available)
        }
        return part
    }

    /// Takes over what is promised on the devices of a part.
    mutating func takeOver(_ part: Pool) {
        for account in part.devices {
            guard let old = self.account(of: account.device) else { continue }
            free(old.reserved, on: account.device)
            try? adopt(account.reserved, on: account.device)
            for _ in 0..<max(account.warmSessions - old.warmSessions, 0) { adoptWarm(on: account.device) }
            for _ in 0..<max(old.warmSessions - account.warmSessions, 0) { closeWarm(on: account.device) }
        }
    }

    /// The accounts of the devices that a pin admits. A GPU server's devices are numbered from 0 without gaps.
    private func accounts(admittedBy pin: PinnedPlace) -> [DeviceAccount] {
        switch pin {
        case .device(let device): return account(of: device).map { [$0] } ?? []
        case .server(let server):
            var accounts: [DeviceAccount] = []
            while let next = account(of: DeviceID(server: server, index: accounts.count)) { accounts.append(next) }
            return accounts
        }
    }
}
