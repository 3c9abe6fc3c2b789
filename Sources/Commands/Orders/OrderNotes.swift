import Dashboard
import FleetModel

/// What an operator should know of orders that can be given and may not be meant so: names that the manager does not
/// know, which may be yet to come or misspelt, and slices that no device could hold.
enum OrderNotes {
    /// Whether there can be anything to say, so that the fleet has to be looked at.
    static func mayConcern(_ changes: [OperatorChange]) -> Bool {
        changes.contains { change in
            switch change {
            case .pin, .reserve, .addMaintenance: true
            default: false
            }
        }
    }

    /// A sentence for each, in the order of the changes. O(instances + devices + changes)
    static func notes(on changes: [OperatorChange], in fleet: FleetOverview) -> [String] {
        let instances = Set(fleet.instances.map(\.description.id))
        let devices = Set(fleet.devices.map(\.description.id))
        let servers = Set(devices.map(\.server))
        let greatest = fleet.devices.map(\.description.memory).max() ?? .zero

        func unknown(_ instance: InstanceID) -> [String] {
            instances.contains(instance) ? [] : ["no instance \(instance) is known: the order holds when it comes"]
        }
        func unknown(_ server: GPUServerID) -> [String] {
            servers.contains(server) ? [] : ["no GPU server \(server) is known: the order holds when it comes"]
        }
        return changes.flatMap { change -> [String] in
            switch change {
            case .pin(let instance, .server(let server)):
                return unknown(instance) + unknown(server)
            case .pin(let instance, .device(let device)):
                let missing =
                    devices.contains(device) || !servers.contains(device.server)
                    ? unknown(device.server)
                    : ["\(device.server) has no device \(device.index): nothing can be had for \(instance)"]
                return unknown(instance) + missing
            case .reserve(let one):
                let tooLarge =
                    one.slice.memory > greatest && !devices.isEmpty
                    ? ["no device has \(Quantity.bytes(one.slice.memory)): it cannot be reserved on any"] : []
                return unknown(one.instance) + tooLarge
            case .addMaintenance(let window):
                return unknown(window.server)
            default:
                return []
            }
        }
    }

    /// Writes them to standard error, so that the answer on standard output stays what it is. Where the fleet cannot be
    /// looked at there are none: the changes have been made.
    static func write(on changes: [OperatorChange], asking client: ManagerConnection) async {
        guard mayConcern(changes), let fleet = try? await client.overview(forecasts: false) else { return }
        for note in notes(on: changes, in: fleet) { StandardError.write("note: \(note)\n") }
    }
}
