import Dashboard
import FleetModel

/// Local, remote and bare times of one run, side by side.
struct InterfaceBenchView: RenderableAnswer {
    struct Measure: Encodable {
        var name: String
        /// `us` or `ms`.
        var unit: String
        var local: MeasuredTimes?
        var remote: MeasuredTimes?
        /// The same amounts over a bare TCP connection.
        var raw: MeasuredTimes?
        /// Remote by local, of the medians.
        var ratio: Double?
    }

    var transport: String
    var measures: [Measure]

    init(
        transport: String, local: InterfaceBench.Column, remote: InterfaceBench.Column,
        raw: [InterfaceMeasure: MeasuredTimes]
    ) {
        self.transport = transport
        var (local, remote) = (local, remote)
        let ready = remote.starts(found: .reserved, below: .attached)
        local.times[.firstCommandCold] = MeasuredTimes(local.starts.map(\.milliseconds))
        remote.times[.firstCommandReady] = MeasuredTimes(ready.map(\.milliseconds))
        remote.times[.firstCommandWarm] = MeasuredTimes(
            remote.starts(found: .warm, below: .reserved).map(\.milliseconds))
        remote.times[.firstCommandCold] = MeasuredTimes(
            remote.starts(found: .cold, below: .warm).map(\.milliseconds))
        remote.times[.openPrepared] = MeasuredTimes(ready.compactMap(\.handoverMilliseconds))
        measures = InterfaceMeasure.allCases.map { measure in
            let (here, there) = (local.times[measure], remote.times[measure])
            let ratio = here.flatMap { here in there.map { $0.p50 / here.p50 } }
            return Measure(
                name: measure.rawValue, unit: measure.unit, local: here, remote: there, raw: raw[measure],
                ratio: ratio.flatMap { $0.isFinite ? $0 : nil })
        }
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["MEASURE", "UNIT", "LOCAL P50", "P99", "REMOTE P50", "P99", "TCP P50", "P99", "REMOTE / LOCAL"])
        func text(_ value: Double?) -> String { value.map { Quantity.decimal($0, digits: $0 < 10 ? 2 : 0) } ?? "-" }
        for measure in measures {
            let figures =
                [measure.local, measure.remote, measure.raw].flatMap { [$0?.p50, $0?.p99] } + [measure.ratio]
            table.rows.append(([measure.name, measure.unit] + figures.map(text)).map { TextTable.Cell($0) })
        }
        return table
    }
}
