package import FleetModel

/// Devices that do not exist, for tests and simulation. They say so in their kind and their model.
package struct SyntheticDeviceDriver: DeviceDriver {
    private let count: Int
    private let memory: Bytes

    /// `count` equal devices of `memory` each.
    package init(count: Int, memory: Bytes) {
        self.count = count
        self.memory = memory
    }

    package var kind: DeviceKind { .synthetic }

    package func discover(
        for server: GPUServerID, startingAt index: Int
    ) throws(DeviceDriverError) -> [DiscoveredDevice] {
        (0..<count).map { offset in
            DiscoveredDevice(
                description: DeviceDescription(
                    id: DeviceID(server: server, index: index + offset), kind: .synthetic, model: "synthetic device",
                    vendor: "Presync", driverVersion: "0", apiVersion: "none", memory: memory, computeUnits: 1,
                    extensions: []),
                selector: .synthetic)
        }
    }
}
