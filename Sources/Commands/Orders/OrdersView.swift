import Dashboard
import FleetModel

/// All orders, as `presync order list` shows them.
struct OrdersView: RenderableAnswer {
    struct Pin: Encodable {
        var instance: String
        var place: String
    }

    struct Reservation: Encodable {
        var instance: String
        var memoryBytes: Int64
        var computeMilli: Int32
        var from: String
        /// Absent: until it is released.
        var until: String?
    }

    struct Maintenance: Encodable {
        var server: String
        var from: String
        /// Absent: until it is ended.
        var until: String?
        /// By when programs' sessions should have ended, and what becomes of those that have not: wait or end.
        var deadline: String?
        var atDeadline: String?
    }

    /// Grows with each change of orders, classes, rules and quotas.
    var revision: UInt64
    /// Absent: as the manager is configured.
    var mode: String?
    var pins: [Pin]
    var reservations: [Reservation]
    var maintenance: [Maintenance]
    /// GPU servers whose maintenance is over and whose self-test has not passed since.
    var returning: [String]

    init(_ orders: OperatorOrders) {
        revision = orders.revision
        mode = orders.mode?.rawValue
        pins = orders.pins.sorted { $0.key < $1.key }.map { Pin(instance: $0.key.rawValue, place: "\($0.value)") }
        reservations = orders.reservations.map { one in
            Reservation(
                instance: one.instance.rawValue, memoryBytes: one.slice.memory.rawValue,
                computeMilli: one.slice.compute.rawValue, from: "\(one.from)", until: one.until.map { "\($0)" })
        }
        maintenance = orders.maintenance.map { one in
            Maintenance(
                server: one.server.rawValue, from: "\(one.from)", until: one.until.map { "\($0)" },
                deadline: one.deadline.map { "\($0)" },
                atDeadline: one.deadline == nil ? nil : one.atDeadline.rawValue)
        }
        returning = orders.returning.sorted().map(\.rawValue)
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["ORDER", "WHOM", "WHAT", "FROM", "UNTIL"], emptyText: "No orders: the manager decides alone.")
        func row(_ cells: String...) { table.rows.append(cells.map { TextTable.Cell($0) }) }
        if let mode { row("mode", "manager", mode, "", "") }
        for pin in pins { row("pin", pin.instance, pin.place, "", "") }
        for one in reservations {
            let amount = "\(Quantity.bytes(Bytes(one.memoryBytes))), \(one.computeMilli)/1000 compute"
            row("reservation", one.instance, amount, one.from, one.until ?? "released")
        }
        for window in maintenance {
            row("maintenance", window.server, "nothing is placed", window.from, window.until ?? "undrained")
        }
        for server in returning { row("return", server, "nothing is placed", "", "its self-test passes") }
        return table
    }
}
