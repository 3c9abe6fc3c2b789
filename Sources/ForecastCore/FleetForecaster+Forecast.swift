package import FleetModel

extension FleetForecaster {
    /// Below this, an onset within 30 s does not reach the greatest quantile that is forecast.
    private static let negligibleOnset: Float = 0.01
    /// An instance that has been idle this long is looked at every ``idlePeriod`` seconds only.
    private static let idleSeconds: Int64 = 8
    private static let idlePeriod = 4

    package mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        settle()
        advanceTypes()
        var forecasts = [DemandForecast](repeating: DemandForecast(madeAt: madeAt), count: slots.count)
        // Taken out, so that it can be written while the rest of the state is read.
        var tile = ForecastTile.spare
        swap(&tile, &self.tile)
        defer { swap(&tile, &self.tile) }
        for (place, slot) in slots.enumerated() {
            begin(slot, place: place, &tile, &forecasts)
            if tile.rows.count == ForecastTile.capacity { finish(&tile, &forecasts) }
        }
        finish(&tile, &forecasts)
        return forecasts
    }

    package func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        guard isInUse(slot) else { return 0 }
        let state = slots[slot.rawValue]
        return amounts.quantile(
            level, resource, application: Int(state.application), history: state.history.map { histories[Int($0)] })
    }

    /// Says what needs no network, and puts what does into the tile.
    private mutating func begin(
        _ slot: ForecastSlot, place: Int, _ tile: inout ForecastTile, _ forecasts: inout [DemandForecast]
    ) {
        guard isInUse(slot), let second = slots[slot.rawValue].track.last else { return }
        let index = slot.rawValue
        let onset = onsets.probabilities(slots[index].track, application: Int(slots[index].application))
        forecasts[place].onset = onset
        guard !isNegligible(index, onset: onset, at: second) else {
            scoring.noteNegligible(at: second)
            return
        }
        guard let history = slots[index].history.map(Int.init) else {
            forecastCold(index, onset: onset, at: second, &tile, &forecasts[place])
            return
        }
        if isIdle(index, history: history, at: second), (index &+ Int(second)) % Self.idlePeriod != 0,
            let madeAt = idleCurves[history].madeAt, second - madeAt < Int64(Self.idlePeriod)
        {
            idleCurves[history].restore(to: &forecasts[place])
            return
        }
        let application = Int(slots[index].application)
        let scales = InlineArray<2, Float> {
            demandScale(history, $0 == 0 ? .memory : .compute, application: application, at: second)
        }
        tile.rows.append(
            ForecastTile.Row(
                place: place, slot: index, history: history, second: second, onset: onset, scales: scales))
        writeFeatures(of: tile.rows[tile.rows.count - 1], to: tile.rows.count - 1, in: &tile)
    }

    private func writeFeatures(of row: ForecastTile.Row, to number: Int, in tile: inout ForecastTile) {
        guard !tile.networks.isEmpty else { return }
        tile.networks[0].layers[0].withUnsafeMutableBufferPointer { features in
            guard let base = features.baseAddress else { return }
            histories.withUnsafeBufferPointer { histories in
                histories[row.history].writeFeatures(
                    to: base + number * FeatureVector.count, scales: row.scales,
                    type: types[Int(slots[row.slot].application)], onset: row.onset,
                    isSurge: slots[row.slot].track.context.kind == .surge,
                    hasLeadingSignals: slots[row.slot].hasLeadingSignals, at: row.second, decay: clocks.decay)
            }
        }
    }

    private func isIdle(_ index: Int, history: Int, at second: Int64) -> Bool {
        slots[index].track.context.kind == .quiet && second - histories[history].lastDemand >= Self.idleSeconds
    }

    /// Whether all curves are 0: nothing announces demand, and it has been too rare for any quantile to show it.
    private func isNegligible(_ index: Int, onset: InlineArray<3, Float>, at second: Int64) -> Bool {
        let kind = slots[index].track.context.kind
        guard let history = slots[index].history.map(Int.init) else { return kind != .surge }
        guard kind == .quiet, onset[2] < Self.negligibleOnset,
            second - histories[history].lastDemand > Self.longIdleSeconds
        else { return false }
        return histories[history].climateOnsetShare(at: second, clocks: clocks) < Double(Self.negligibleOnset)
    }

    /// An instance without a history that may be about to begin: the amounts of its type's bursts.
    private mutating func forecastCold(
        _ index: Int, onset: InlineArray<3, Float>, at second: Int64, _ tile: inout ForecastTile,
        _ forecast: inout DemandForecast
    ) {
        for value in tile.experts.indices { tile.experts[value] = 0 }
        for curve in 0..<DemandForecast.curveCount {
            let (resource, target, horizon) = CurveKind.all[curve]
            guard target == .peak else { continue }
            let said = amounts.curve(
                probability: Double(onset[horizon.rawValue]), resource,
                application: Int(slots[index].application), history: nil)
            tile.experts.withUnsafeMutableBufferPointer { experts in
                guard let base = experts.baseAddress else { return }
                for model in ForecastModel.allCases {
                    said.write(to: base + ExpertLayout.offset(curve: curve, model: model))
                }
            }
        }
        combine(index, scales: InlineArray(repeating: 1), row: nil, at: second, &tile, &forecast)
    }

    /// Runs the networks on the tile, and makes forecasts of what all models say.
    private mutating func finish(_ tile: inout ForecastTile, _ forecasts: inout [DemandForecast]) {
        guard !tile.rows.isEmpty else { return }
        for index in tile.networks.indices {
            if index > 0 { tile.networks[index].layers[0] = tile.networks[0].layers[0] }
            tile.networks[index].run(
                learner.champion(index), rows: tile.rows.count, using: configuration.linearAlgebra)
        }
        for number in tile.rows.indices {
            let row = tile.rows[number]
            fillExperts(row, number: number, &tile)
            combine(row.slot, scales: row.scales, row: number, at: row.second, &tile, &forecasts[row.place])
            if isIdle(row.slot, history: row.history, at: row.second) {
                idleCurves[row.history].store(forecasts[row.place], at: row.second)
            }
        }
        tile.rows.removeAll(keepingCapacity: true)
    }

    private func fillExperts(_ row: ForecastTile.Row, number: Int, _ tile: inout ForecastTile) {
        for network in tile.networks.indices {
            tile.takeOutputs(
                of: network, row: number, as: network == 0 ? .network : .companion, scales: row.scales)
        }
        let isAnnounced = slots[row.slot].track.context.kind == .surge || tile.networks.isEmpty
        tile.experts.withUnsafeMutableBufferPointer { experts in
            histories.withUnsafeBufferPointer { histories in
                guard let base = experts.baseAddress, let history = histories.baseAddress.map({ $0 + row.history })
                else { return }
                for resource in Resource.allCases {
                    history.pointee.writeClimate(resource, at: row.second, clocks: clocks, to: base)
                }
                for curve in 0..<DemandForecast.curveCount where CurveKind.all[curve].target == .peak {
                    let place = base + ExpertLayout.offset(curve: curve, model: .onset)
                    if isAnnounced {
                        writeOnset(row, curve: curve, history: history, to: place)
                    } else {
                        // Without an announcement the network knows all that this model does.
                        place.update(from: place - 2 * ExpertLayout.levels, count: QuantileLevels.count)
                    }
                }
            }
        }
    }

    /// Demand with the probability that it begins, in the amounts of the instance's own peaks, or of bursts where it has
    /// had too few.
    private func writeOnset(
        _ row: ForecastTile.Row, curve: Int, history: UnsafePointer<InstanceHistory>,
        to place: UnsafeMutablePointer<Float>
    ) {
        let (resource, _, horizon) = CurveKind.all[curve]
        let probability = Double(row.onset[horizon.rawValue])
        if history.pointee.peakSeconds(resource, horizon, clocks: clocks) >= 10 {
            history.pointee.writePeaks(resource, horizon, probability: probability, to: place)
        } else {
            amounts.curve(
                probability: probability, resource, application: Int(slots[row.slot].application),
                history: history.pointee
            ).write(to: place)
        }
    }

    /// Makes a forecast of what `tile.experts` hold, and keeps it where it belongs to the sample.
    private mutating func combine(
        _ index: Int, scales: InlineArray<2, Float>, row: Int?, at second: Int64, _ tile: inout ForecastTile,
        _ forecast: inout DemandForecast
    ) {
        let kind = slots[index].track.context.kind
        let zeroBelow = InlineArray<2, Float> {
            Float(FleetScale.zeroShare * instanceScale(index, $0 == 0 ? .memory : .compute, at: second))
        }
        tile.experts.withUnsafeBufferPointer { experts in
            tile.combined.withUnsafeMutableBufferPointer { combined in
                guard let experts = experts.baseAddress, let combined = combined.baseAddress else { return }
                weights.combine(experts, kind: kind, into: combined)
                for curve in 0..<DemandForecast.curveCount {
                    forecast.curves[curve] = calibration.curve(
                        combined + curve * ExpertLayout.levels, curve: curve, zeroBelow: zeroBelow[curve / 6])
                }
            }
        }
        guard slots[index].sampledAt < second, scoring.wants(index, at: second) else { return }
        slots[index].sampledAt = second
        keep(index, kind: kind, scales: scales, row: row, at: second, tile, forecast)
    }

    private mutating func keep(
        _ index: Int, kind: OnsetContext.Kind, scales: InlineArray<2, Float>, row: Int?, at second: Int64,
        _ tile: ForecastTile, _ forecast: DemandForecast
    ) {
        let history = slots[index].history.map(Int.init)
        let isIdle = history.map { self.isIdle(index, history: $0, at: second) } ?? false
        let kept = PendingForecast(
            slot: index, generation: slots[index].generation, kind: kind,
            share: isIdle ? Float(Self.idlePeriod) : 1, scales: scales,
            hasFeatures: row != nil && !tile.networks.isEmpty)
        let first = (row ?? 0) * FeatureVector.count
        scoring.keep(at: second) { place in
            place.forecasts.append(kept)
            place.experts.append(contentsOf: tile.experts)
            place.combined.append(contentsOf: tile.combined)
            for curve in 0..<DemandForecast.curveCount { place.curves.append(forecast.curves[curve]) }
            if tile.networks.isEmpty {
                place.features.append(contentsOf: repeatElement(0, count: FeatureVector.count))
            } else {
                place.features.append(contentsOf: tile.networks[0].layers[0][first..<(first + FeatureVector.count)])
            }
        }
    }

    private func instanceScale(_ index: Int, _ resource: Resource, at second: Int64) -> Double {
        guard let history = slots[index].history.map(Int.init) else { return scale.mean(resource) }
        return scale.scale(resource, of: histories[history].sum(resource, at: second, clocks: clocks))
    }
}
