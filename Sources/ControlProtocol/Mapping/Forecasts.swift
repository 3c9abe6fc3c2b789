package import FleetModel
import SwiftProtobuf

extension DemandForecast: WireMapped {
    package init(wire: WireDemandForecast) throws(ProtocolError) {
        let quantiles = wire.quantiles
        guard quantiles.count == DemandForecast.curveCount * QuantileLevels.count else {
            throw ProtocolError("quantiles", .outOfRange)
        }
        self.init(
            madeAt: try Read.moment(wire.madeAtNs, "made_at_ns"),
            horizons: try ForecastHorizons(wire: wire.horizonSeconds))
        for curve in 0..<DemandForecast.curveCount {
            curves[curve] = QuantileCurve(quantiles, from: curve * QuantileLevels.count)
        }
        onset = try Self.probabilities(wire.onset, "onset")
        // A manager from before there were any sends none.
        if !wire.ending.isEmpty { ending = try Self.probabilities(wire.ending, "ending") }
    }

    private static func probabilities(
        _ wire: [Float], _ field: String
    ) throws(ProtocolError) -> InlineArray<3, Float> {
        guard wire.count == ForecastHorizon.allCases.count else { throw ProtocolError(field, .outOfRange) }
        var probabilities = InlineArray<3, Float>(repeating: 0)
        for index in wire.indices {
            probabilities[index] = Float(try Read.ratio(Double(wire[index]), "\(field)[\(index)]"))
        }
        return probabilities
    }

    package var wire: WireDemandForecast {
        .with {
            $0.madeAtNs = madeAt.rawValue
            $0.horizonSeconds = horizons.wire
            $0.quantiles.reserveCapacity(DemandForecast.curveCount * QuantileLevels.count)
            for curve in 0..<DemandForecast.curveCount { curves[curve].append(to: &$0.quantiles) }
            for horizon in onset.indices {
                $0.onset.append(onset[horizon])
                $0.ending.append(ending[horizon])
            }
        }
    }
}

extension ForecastHorizons {
    /// The standard ones where none are named: there were no others once.
    fileprivate init(wire: [UInt32]) throws(ProtocolError) {
        guard !wire.isEmpty else {
            self = .standard
            return
        }
        guard let horizons = ForecastHorizons(wire.map { Int(clamping: $0) }) else {
            throw ProtocolError("horizon_seconds", .outOfRange)
        }
        self = horizons
    }

    fileprivate var wire: [UInt32] { all.map { UInt32($0) } }
}

extension QuantileCurve {
    /// The curve from the 13 values that begin at `first`; there must be as many.
    fileprivate init(_ wire: [Float], from first: Int) { self.init { Double(wire[first + $0]) } }

    fileprivate func append(to wire: inout [Float]) {
        for level in values.indices { wire.append(values[level]) }
    }
}

extension ForecastTrust: WireMapped {
    package init(wire: WireForecastTrust) throws(ProtocolError) {
        let loss = "loss_against_climate"
        self.init(
            basis: try Read.required(wire.basis, "basis"), scored: try Read.rate(wire.scored, "scored"),
            lossAgainstClimate: wire.hasLossAgainstClimate ? try Read.rate(wire.lossAgainstClimate, loss) : nil,
            coverage95: wire.hasCoverage95 ? try Read.ratio(wire.coverage95, "coverage95") : nil)
    }

    package var wire: WireForecastTrust {
        .with {
            $0.basis = basis.wire
            $0.scored = scored
            if let lossAgainstClimate { $0.lossAgainstClimate = lossAgainstClimate }
            if let coverage95 { $0.coverage95 = coverage95 }
        }
    }
}

extension ForecastTrust.Basis: WireMapped {
    package init(wire: WireForecastTrust.Basis) throws(ProtocolError) {
        switch wire {
        case .instance: self = .instance
        case .application: self = .application
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireForecastTrust.Basis {
        switch self {
        case .instance: .instance
        case .application: .application
        }
    }
}

extension InstanceForecast: WireMapped {
    package init(wire: WireInstanceForecast) throws(ProtocolError) {
        let seconds = DemandCourse.length
        guard wire.memoryBytes.count <= seconds else { throw ProtocolError("memory_bytes", .tooMany(limit: seconds)) }
        guard wire.computeMilli.count == wire.memoryBytes.count else {
            throw ProtocolError("compute_milli", .outOfRange)
        }
        self.init(
            at: try Read.moment(wire.atNs, "at_ns"),
            instance: try Read.required(wire.hasInstance ? wire.instance : nil, "instance"),
            course: DemandCourse(
                memory: try Self.demand(wire.memoryBytes, "memory_bytes"),
                compute: try Self.demand(wire.computeMilli, "compute_milli")),
            past: try Read.list(wire.past, "past", limit: ProtocolLimits.pastForecasts),
            accuracy: try Read.required(wire.hasAccuracy ? wire.accuracy : nil, "accuracy"))
    }

    private static func demand(_ wire: [Float], _ field: String) throws(ProtocolError) -> [Float] {
        for (index, value) in wire.enumerated() { _ = try Read.rate(Double(value), "\(field)[\(index)]") }
        return wire
    }

    package var wire: WireInstanceForecast {
        .with {
            $0.atNs = at.rawValue
            $0.instance = instance.wire
            $0.memoryBytes = course.memory
            $0.computeMilli = course.compute
            $0.past = past.map(\.wire)
            $0.accuracy = accuracy.wire
        }
    }
}

extension PastForecast: WireMapped {
    package init(wire: WirePastForecast) throws(ProtocolError) {
        guard wire.quantiles.count == 2 * QuantileLevels.count else { throw ProtocolError("quantiles", .outOfRange) }
        self.init(
            second: wire.second, memory: QuantileCurve(wire.quantiles, from: 0),
            compute: QuantileCurve(wire.quantiles, from: QuantileLevels.count))
    }

    package var wire: WirePastForecast {
        .with {
            $0.second = second
            memory.append(to: &$0.quantiles)
            compute.append(to: &$0.quantiles)
        }
    }
}

extension AccuracyOverview: WireMapped {
    package init(wire: WireAccuracyOverview) throws(ProtocolError) {
        let loss = "weighted_quantile_loss"
        let ratio = "loss_against_climate"
        self.init(
            horizons: try ForecastHorizons(wire: wire.horizonSeconds), sampled: wire.sampled, scored: wire.scored,
            weightedQuantileLoss: wire.hasWeightedQuantileLoss ? try Read.rate(wire.weightedQuantileLoss, loss) : nil,
            lossAgainstClimate: wire.hasLossAgainstClimate ? try Read.rate(wire.lossAgainstClimate, ratio) : nil,
            coverage80: wire.hasCoverage80 ? try Read.ratio(wire.coverage80, "coverage80") : nil,
            coverage95: wire.hasCoverage95 ? try Read.ratio(wire.coverage95, "coverage95") : nil,
            cells: try Self.cells(wire.cells),
            applications: try Read.list(wire.applications, "applications", limit: ProtocolLimits.applications),
            promotions: wire.promotions, rollbacks: wire.rollbacks)
    }

    /// The figures of all cells; which is which is told by their order.
    private static func cells(_ wire: [WireAccuracyCell]) throws(ProtocolError) -> [Cell] {
        guard wire.isEmpty || wire.count == DemandForecast.curveCount else { throw ProtocolError("cells", .outOfRange) }
        var cells: [Cell] = []
        for resource in Resource.allCases {
            for target in ForecastTarget.allCases {
                for horizon in ForecastHorizon.allCases where cells.count < wire.count {
                    let figures = wire[cells.count]
                    do { cells.append(try Cell(resource, target, horizon, wire: figures)) } catch {
                        throw error.within("cells[\(cells.count)]")
                    }
                }
            }
        }
        return cells
    }

    package var wire: WireAccuracyOverview {
        .with {
            $0.horizonSeconds = horizons.wire
            $0.sampled = sampled
            $0.scored = scored
            if let weightedQuantileLoss { $0.weightedQuantileLoss = weightedQuantileLoss }
            if let lossAgainstClimate { $0.lossAgainstClimate = lossAgainstClimate }
            if let coverage80 { $0.coverage80 = coverage80 }
            if let coverage95 { $0.coverage95 = coverage95 }
            $0.cells = cells.map(\.wire)
            $0.applications = applications.map(\.wire)
            $0.promotions = promotions
            $0.rollbacks = rollbacks
        }
    }
}

extension AccuracyOverview.Cell {
    fileprivate init(
        _ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon, wire: WireAccuracyCell
    ) throws(ProtocolError) {
        let loss = "weighted_quantile_loss"
        let ratio = "loss_against_climate"
        self.init(
            resource: resource, target: target, horizon: horizon,
            weightedQuantileLoss: wire.hasWeightedQuantileLoss ? try Read.rate(wire.weightedQuantileLoss, loss) : nil,
            lossAgainstClimate: wire.hasLossAgainstClimate ? try Read.rate(wire.lossAgainstClimate, ratio) : nil,
            coverage90: wire.hasCoverage90 ? try Read.ratio(wire.coverage90, "coverage90") : nil,
            coverage95: wire.hasCoverage95 ? try Read.ratio(wire.coverage95, "coverage95") : nil,
            coverage99: wire.hasCoverage99 ? try Read.ratio(wire.coverage99, "coverage99") : nil)
    }

    fileprivate var wire: WireAccuracyCell {
        .with {
            if let weightedQuantileLoss { $0.weightedQuantileLoss = weightedQuantileLoss }
            if let lossAgainstClimate { $0.lossAgainstClimate = lossAgainstClimate }
            if let coverage90 { $0.coverage90 = coverage90 }
            if let coverage95 { $0.coverage95 = coverage95 }
            if let coverage99 { $0.coverage99 = coverage99 }
        }
    }
}

extension AccuracyOverview.Application: WireMapped {
    package init(wire: WireApplicationAccuracy) throws(ProtocolError) {
        self.init(
            application: try Read.identifier(wire.application, "application"),
            trust: try Read.required(wire.hasTrust ? wire.trust : nil, "trust"))
    }

    package var wire: WireApplicationAccuracy {
        .with {
            $0.application = application.rawValue
            $0.trust = trust.wire
        }
    }
}
