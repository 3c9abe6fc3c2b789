import Dashboard
import FleetModel

/// A plan, as `presync plan` and `presync apply` show it.
struct PlanView: RenderableAnswer {
    struct Step: Encodable {
        var instance: String
        /// `open-warm`, `reserve`, `lower`, `release` or `short`.
        var action: String
        var device: String?
        var grant: String?
        var memoryBytes: Int64?
        var computeMilli: Int32?
        /// Why it is given back, or does not fit.
        var reason: String?
        var heldLevel: String?
        var heldDevice: String?
    }

    var changes: [String]
    var settingsRevision: UInt64
    var madeAt: String
    var steps: [Step]

    init(_ plan: ChangePlan) {
        changes = plan.changes.map { "\($0)" }
        settingsRevision = plan.revision
        madeAt = "\(plan.madeAt)"
        steps = plan.steps.map(Step.init)
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["INSTANCE", "HAS", "AT ONCE", "WHERE", "WHY"],
            emptyText: "Nothing is moved at once: the changes bear on what comes.")
        table.rows = steps.map { step in
            let memory = step.memoryBytes.map { " " + Quantity.bytes(Bytes($0)) } ?? ""
            let held = step.heldLevel.map { "\($0) on \(step.heldDevice ?? "?")" } ?? "nothing"
            return [
                TextTable.Cell(step.instance), TextTable.Cell(held),
                TextTable.Cell(step.action + memory, step.action == "short" ? .warning : .plain),
                TextTable.Cell(step.device ?? "-"), TextTable.Cell(step.reason ?? ""),
            ]
        }
        return table
    }

    func lines(header: Bool, width: Int) -> [StyledLine] {
        changes.map { StyledLine("change: \($0)") } + [StyledLine()] + table().lines(header: header)
    }
}

extension PlanView.Step {
    init(_ step: PlannedStep) {
        instance = step.instance.rawValue
        heldLevel = step.holds?.level.description
        heldDevice = step.holds?.device.description
        switch step.action {
        case .openWarm(let device):
            action = "open-warm"
            self.device = device.description
        case .reserve(let device, let slice, let existing):
            action = "reserve"
            self.device = device.description
            grant = existing?.description
            memoryBytes = slice.memory.rawValue
            computeMilli = slice.compute.rawValue
        case .lower(let id, let reason):
            action = "lower"
            grant = id.description
            self.reason = reason.rawValue
        case .release(let id, let reason):
            action = "release"
            grant = id.description
            self.reason = reason.rawValue
        case .short(let text):
            action = "short"
            self.reason = text
        }
    }
}
