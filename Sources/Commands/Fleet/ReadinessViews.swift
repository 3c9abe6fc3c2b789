import Dashboard
import FleetModel
import Observability

/// How ready the fleet is for the loss of a GPU server, and how far those are that are being emptied.
struct RecoveryView: Encodable {
    var standbysWanted: Int
    var standbysReady: Int
    /// Absent where all sessions of any one GPU server would find room elsewhere.
    var worstServer: String?
    var unplacedMemoryBytes: Int64
    var unplacedSessions: Int
    var drains: [DrainView]

    init(_ recovery: RecoveryOverview) {
        standbysWanted = recovery.standbysWanted
        standbysReady = recovery.standbysReady
        worstServer = recovery.worstServer?.rawValue
        unplacedMemoryBytes = recovery.unplacedMemory.rawValue
        unplacedSessions = recovery.unplacedSessions
        drains = recovery.drains.map { DrainView($0.server, $0) }
    }

    var words: String {
        let room =
            worstServer.map {
                "\(unplacedSessions) sessions of \($0) find no room (\(Quantity.bytes(Bytes(unplacedMemoryBytes))))"
            } ?? "its sessions find room elsewhere"
        return standbysWanted == 0 ? room : "\(standbysReady) of \(standbysWanted) standbys ready; \(room)"
    }
}

/// What the steps up the readiness ladder take, over the whole fleet.
struct LadderView: Encodable {
    var stageMs: Double
    var openMs: Double
    var reserveMs: Double
    /// What a warm session holds, as a share of one device.
    var warmShare: Double
    /// 0 before it is measured.
    var warmHostMemoryBytes: Int64
    /// Steps that were measured; before the first the figures are priors.
    var measured: UInt64

    init(_ ladder: LadderOverview) {
        stageMs = ladder.stageMs
        openMs = ladder.openMs
        reserveMs = ladder.reserveMs
        warmShare = ladder.warmShare
        warmHostMemoryBytes = ladder.warmHostMemory.rawValue
        measured = ladder.measured
    }

    var words: String {
        let steps = [("staging", stageMs), ("opening", openMs), ("reserving", reserveMs)]
            .map { "\($0.0) \(Quantity.decimal($0.1, digits: 1)) ms" }.joined(separator: ", ")
        let memory =
            warmHostMemoryBytes > 0 ? "; a warm worker holds \(Quantity.bytes(Bytes(warmHostMemoryBytes)))" : ""
        return steps + (measured == 0 ? " (not measured yet)" : " (\(measured) measured)") + memory
    }
}
