import AllocationCore
import FleetModel

/// What a placement replay places, and on what.
package struct PlacementTrace: Sendable {
    /// One server as a trace tells of it.
    package struct Node: Hashable, Sendable {
        package var name: String
        /// Thousandths of a core; 0 or more.
        package var cpuMilli: Int
        /// MiB; 0 or more.
        package var memory: Int
        /// 0 to 16.
        package var devices: Int
        package var model: String

        package init(name: String, cpuMilli: Int, memory: Int, devices: Int, model: String) {
            self.name = name
            self.cpuMilli = cpuMilli
            self.memory = memory
            self.devices = devices
            self.model = model
        }
    }

    /// One request as a trace tells of it.
    package struct Request: Hashable, Sendable {
        /// Thousandths of a core; 0 or more.
        package var cpuMilli: Int
        /// MiB; 0 or more.
        package var memory: Int
        /// 0 to 16.
        package var devices: Int
        /// Thousandths of each device: 1 to 1,000, and 1,000 of several; without meaning where there is none.
        package var share: Int
        /// Empty where all models do.
        package var models: [String]

        package init(cpuMilli: Int, memory: Int, devices: Int, share: Int, models: [String] = []) {
            self.cpuMilli = cpuMilli
            self.memory = memory
            self.devices = devices
            self.share = share
            self.models = models
        }
    }

    /// In the order of their names.
    let servers: [PlacementServer]
    let shapes: [RequestShape]
    let mix: RequestMix
    /// Thousandths of a device over all servers; above 0.
    let capacity: Int

    /// - Returns: nil where the nodes have no device, or no request asks for one.
    package init?(nodes: [Node], requests: [Request]) {
        servers = nodes.sorted { $0.name < $1.name }.map { node in
            PlacementServer(
                id: GPUServerID(unchecked: node.name), kind: ServerKind(model: node.model), cpuMilli: node.cpuMilli,
                memory: node.memory, devices: node.devices)
        }
        shapes = requests.map(\.shape)
        mix = RequestMix(shapes)
        capacity = nodes.reduce(0) { $0 + $1.devices * 1_000 }
        guard capacity > 0, shapes.contains(where: { $0.totalShare > 0 }) else { return nil }
    }
}

extension PlacementTrace.Request {
    fileprivate var shape: RequestShape {
        let demand: DeviceDemand =
            switch (devices, share) {
            case (0, _): .none
            case (1, 1...999): .share(MilliShare(Int32(share)), memory: 0)
            default: .whole(devices)
            }
        return RequestShape(
            cpuMilli: cpuMilli, memory: memory, devices: demand, models: devices == 0 ? [] : Set(models))
    }
}
