package import FleetModel
import SwiftProtobuf

extension GrantEnd: WireMapped {
    package init(wire: WireGrantEnded) throws(ProtocolError) {
        self.init(
            GrantID(rawValue: wire.grant), try Read.required(wire.reason, "reason"),
            worker: wire.hasWorker ? try WorkerEnd(seen: wire.worker) : nil, wasInUse: wire.wasInUse)
    }

    package var wire: WireGrantEnded {
        .with {
            $0.grant = grant.rawValue
            $0.reason = reason.wire
            if let worker { $0.worker = worker.wire }
            $0.wasInUse = wasInUse
        }
    }
}

extension WorkerEnd {
    /// Nil for a kind of a later release: it is as if nobody had seen the end.
    fileprivate init?(seen wire: WireWorkerEnd) throws(ProtocolError) {
        switch wire.kind {
        case .closed: self = .closed
        case .failed: self = .failed(status: try Self.code(wire, 1...255))
        case .killed: self = .killed(signal: try Self.code(wire, 1...127))
        case .vanished: self = .vanished
        case .ordered: self = .ordered
        case .overran: self = .overran
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }

    private static func code(_ wire: WireWorkerEnd, _ range: ClosedRange<Int32>) throws(ProtocolError) -> Int32 {
        guard range.contains(wire.code) else { throw ProtocolError("worker.code", .outOfRange) }
        return wire.code
    }

    fileprivate var wire: WireWorkerEnd {
        .with {
            switch self {
            case .closed: $0.kind = .closed
            case .failed(let status):
                $0.kind = .failed
                $0.code = status
            case .killed(let signal):
                $0.kind = .killed
                $0.code = signal
            case .vanished: $0.kind = .vanished
            case .ordered: $0.kind = .ordered
            case .overran: $0.kind = .overran
            }
        }
    }
}
