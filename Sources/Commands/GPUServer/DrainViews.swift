import Dashboard
import FleetModel

/// How far one GPU server is.
struct DrainView: RenderableAnswer, Hashable {
    var server: String
    /// draining, overdue, empty, returning, or in-use.
    var phase: String
    var sessionsInUse: Int
    var sessionsPrepared: Int
    /// Absent: there is none.
    var deadline: String?
    /// wait or end; absent without a deadline.
    var atDeadline: String?
    /// Whether work on it may begin.
    var workMayBegin: Bool
    var reason: String?

    init(_ server: GPUServerID, _ progress: DrainProgress?) {
        self.server = server.rawValue
        phase = progress?.phase.rawValue ?? "in-use"
        sessionsInUse = progress?.attached ?? 0
        sessionsPrepared = progress?.prepared ?? 0
        deadline = progress?.deadline.map { "\($0)" }
        atDeadline = progress?.deadline == nil ? nil : progress?.atDeadline.rawValue
        workMayBegin = progress?.phase == .empty
        reason = progress.flatMap { $0.reason.isEmpty ? nil : $0.reason }
    }

    /// For people.
    var sentence: String {
        let left = "\(sessionsInUse) sessions in use, \(sessionsPrepared) prepared"
        switch phase {
        case "empty": return "\(server) is empty: work on it may begin"
        case "in-use": return "\(server) is used"
        case "returning": return "\(server) is not used yet: \(reason ?? "its self-test is awaited")"
        case "overdue": return "\(server) is late: \(left), the deadline was \(deadline ?? "")"
        default:
            let then = atDeadline == "end" ? ", what is left is ended at " : ", should be empty at "
            return "\(server) is emptied: \(left)" + (deadline.map { then + $0 } ?? "")
        }
    }

    func table() -> TextTable { DrainsView.table([self]) }
}

/// All GPU servers on which nothing is placed because of work on them.
struct DrainsView: RenderableAnswer {
    var drains: [DrainView]

    init(_ drains: [DrainProgress]) { self.drains = drains.map { DrainView($0.server, $0) } }

    func table() -> TextTable { Self.table(drains) }

    static func table(_ drains: [DrainView]) -> TextTable {
        var table = TextTable(
            titles: ["SERVER", "PHASE", "IN USE", "PREPARED", "DEADLINE", "THEN", "NOTE"],
            emptyText: "No GPU server is drained. Drain one: presync gpu-server drain NAME")
        table.rows = drains.map { drain in
            [
                TextTable.Cell(drain.server), TextTable.Cell(drain.phase, drain.workMayBegin ? .good : .plain),
                TextTable.Cell(String(drain.sessionsInUse)), TextTable.Cell(String(drain.sessionsPrepared)),
                TextTable.Cell(drain.deadline ?? "-"), TextTable.Cell(drain.atDeadline ?? "-"),
                TextTable.Cell(drain.workMayBegin ? "work may begin" : drain.reason ?? ""),
            ]
        }
        return table
    }
}
