package import FleetModel

extension FleetForecaster {
    /// Below this, an onset within the longest horizon does not reach the greatest quantile that is forecast.
    private static let negligibleOnset: Float = 0.01
    /// An instance that has been idle this long is looked at every ``idlePeriod`` seconds only.
    private static let idleSeconds: Int64 = 8
    private static let idlePeriod = 4

    package mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        settle()
        if spreadsLearning { learner.goOn(parts: 1) }
        advanceTypes()
        followAmounts()
        amounts.prepare()
        if let newest = scoring.newest {
            calendar.advance(to: newest, offset: configuration.localTimeOffset.map { $0 - (timeShift ?? 0) })
        }
        var forecasts = [DemandForecast](
            repeating: DemandForecast(madeAt: madeAt, horizons: horizons), count: slots.count)
        // Taken out, so that it can be written while the rest of the state is read.
        var tile = ForecastTile.spare
        swap(&tile, &self.tile)
        defer { swap(&tile, &self.tile) }
        for place in slots.indices {
            begin(slots[place], place: place, &tile, &forecasts)
            if tile.rows.count == ForecastTile.capacity { finish(&tile, &forecasts) }
        }
        finish(&tile, &forecasts)
        return forecasts
    }

    package func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        guard isInUse(slot) else { return 0 }
        var walk = burstWalk(slot, resource)
        return walk.value(at: level)
    }

    package func burstAmounts(_ slot: ForecastSlot, serviceLevel: Double, highestLevel: Double) -> BurstAmounts {
        guard isInUse(slot) else {
            return BurstAmounts(
                lowMemory: 0, medianMemory: 0, highMemory: 0, memory: 0, amplestMemory: 0, medianCompute: 0)
        }
        var memory = burstWalk(slot, .memory)
        var compute = burstWalk(slot, .compute)
        return BurstAmounts(
            lowMemory: memory.value(at: 0.1), medianMemory: memory.value(at: 0.5), highMemory: memory.value(at: 0.9),
            memory: memory.value(at: serviceLevel), amplestMemory: memory.value(at: highestLevel),
            medianCompute: compute.value(at: 0.5))
    }

    private func burstWalk(_ slot: ForecastSlot, _ resource: Resource) -> AmountModel.Walk {
        slots.withUnsafeBufferPointer { slots in
            histories.withUnsafeBufferPointer { histories in
                // Read through pointers: a history that is read as an element is copied, all of its kilobyte.
                let state = slots.baseAddress.map { $0 + slot.rawValue }
                let history = state?.pointee.history.flatMap { index in histories.baseAddress.map { $0 + Int(index) } }
                return amounts.walk(
                    resource, application: Int(state?.pointee.application ?? 0),
                    pooled: tenants.bursts(resource, in: tenants.circles(of: state?.pointee.pool)),
                    own: history?.pointee.bursts[resource.rawValue],
                    current: history?.pointee.currentBurst(resource) ?? 0)
            }
        }
    }

    /// Says what needs no models, and puts what does into the tile.
    private mutating func begin(
        _ slot: ForecastSlot, place: Int, _ tile: inout ForecastTile, _ forecasts: inout [DemandForecast]
    ) {
        guard isInUse(slot), let second = slots[slot.rawValue].track.last else { return }
        let index = slot.rawValue
        let application = Int(slots[index].application)
        let context = slots[index].track.context
        let kind = context.kind
        let onset = onsets.probabilities(
            context, records: slots[index].track.records(kind), application: application,
            tenants: tenants, pool: slots[index].pool)
        forecasts[place].onset = onset
        if let ending = slots[index].track.pastEnding(0) {
            forecasts[place].ending = endings.probabilities(ending, application: application)
        }
        let history = slots[index].history.map(Int.init)
        let idle = history.map { second - histories.read($0) { $0.pointee.lastDemand } } ?? .max
        guard !isNegligible(history, kind: kind, onset: onset, idle: idle, at: second) else {
            scoring.noteNegligible(at: second)
            return
        }
        let isIdle = kind == .quiet && idle >= Self.idleSeconds
        if isIdle, let history, (index &+ Int(second)) % Self.idlePeriod != 0, let madeAt = idleCurves.madeAt(history),
            second - madeAt < Int64(Self.idlePeriod)
        {
            idleCurves.restore(history, to: &forecasts[place].curves)
            return
        }
        tile.rows.append(
            ForecastTile.Row(
                place: place, slot: index, application: application, history: history, second: second, onset: onset,
                kind: kind, isIdle: isIdle,
                scales: [
                    demandScale(history, .memory, application: application, pool: slots[index].pool, at: second),
                    demandScale(history, .compute, application: application, pool: slots[index].pool, at: second),
                ],
                zeroBelow: [
                    FleetScale.zeroShare * instanceScale(history, .memory, at: second),
                    FleetScale.zeroShare * instanceScale(history, .compute, at: second),
                ]))
    }

    /// Whether all curves are 0: nothing announces demand, and it has been too rare for any quantile to show it.
    ///
    /// It changes nothing: `mutating` keeps the compiler from copying the whole state for the call.
    private mutating func isNegligible(
        _ history: Int?, kind: OnsetContext.Kind, onset: InlineArray<3, Float>, idle: Int64, at second: Int64
    ) -> Bool {
        guard let history else { return kind != .surge }
        guard kind == .quiet, onset[2] < Self.negligibleOnset, idle > Self.longIdleSeconds else { return false }
        return histories.read(history) {
            $0.climateOnsetShare(at: second, clocks: clocks) < Double(Self.negligibleOnset)
        }
    }

    /// See ``isNegligible(_:kind:onset:idle:at:)`` for `mutating`.
    private mutating func instanceScale(_ history: Int?, _ resource: Resource, at second: Int64) -> Float {
        guard let history else { return Float(scale.mean(resource)) }
        return Float(
            scale.scale(resource, of: histories.read(history) { $0.sum(resource, at: second, clocks: clocks) }))
    }

    /// Runs all models on the tile, and makes forecasts of what they say.
    private mutating func finish(_ tile: inout ForecastTile, _ forecasts: inout [DemandForecast]) {
        guard !tile.rows.isEmpty else { return }
        writeFeatures(&tile)
        for index in tile.networks.indices {
            tile.networks[index].run(
                learner.champion(index), rows: tile.rows.count, using: configuration.linearAlgebra)
            tile.takeOutputs(of: index, as: index == 0 ? .network : .companion)
        }
        fillExperts(&tile)
        weights.combine(&tile)
        for number in tile.rows.indices {
            let row = tile.rows[number]
            calibration.write(
                tile.combined, row: number, zeroBelow: row.zeroBelow, to: &forecasts[row.place].curves)
            if row.isIdle, let history = row.history {
                idleCurves.store(forecasts[row.place].curves, row: history, at: row.second)
            }
            guard slots[row.slot].sampledAt < row.second, scoring.wants(row.slot, at: row.second) else { continue }
            slots[row.slot].sampledAt = row.second
            keep(number, of: tile, forecasts[row.place])
        }
        tile.rows.removeAll(keepingCapacity: true)
    }

    private func writeFeatures(_ tile: inout ForecastTile) {
        guard !tile.networks.isEmpty else { return }
        // The networks share them: written while others still had them, they would be copied.
        for index in tile.networks.indices.dropFirst() { tile.networks[index].layers[0] = [] }
        let (histories, slots, types, decay, recent) = (histories, slots, types, clocks.decay, recent)
        let calendar = calendar
        let rows = tile.rows
        tile.networks[0].layers[0].withUnsafeMutableBufferPointer { features in
            histories.withUnsafeBufferPointer { histories in
                guard let base = features.baseAddress else { return }
                for (number, row) in rows.enumerated() {
                    let place = base + number * FeatureVector.count
                    guard let history = row.history else {
                        place.update(repeating: 0, count: FeatureVector.count)
                        continue
                    }
                    histories[history].writeFeatures(
                        to: place, scales: row.scales, type: types[row.application], onset: row.onset,
                        isSurge: row.kind == .surge, signals: slots[row.slot].signals, calendar: calendar,
                        at: row.second, decay: decay, recent: recent, row: history)
                }
            }
        }
        for index in tile.networks.indices.dropFirst() { tile.networks[index].layers[0] = tile.networks[0].layers[0] }
    }

    /// Writes what the climate and the onset model say; for an instance without a history that may be about to begin,
    /// the amounts of its type's bursts stand for all models.
    private func fillExperts(_ tile: inout ForecastTile) {
        let (histories, amounts, clocks, tenants, slots) = (histories, amounts, clocks, tenants, slots)
        let hasNetwork = !tile.networks.isEmpty
        let usesOnset = configuration.models.contains(.onset)
        let rows = tile.rows
        tile.experts.withUnsafeMutableBufferPointer { experts in
            histories.withUnsafeBufferPointer { histories in
                guard let experts = experts.baseAddress, let histories = histories.baseAddress else {
                    return
                }
                for (number, row) in rows.enumerated() {
                    let base = experts + number * ExpertLayout.row
                    let circles = tenants.circles(of: slots[row.slot].pool)
                    func pooled(_ resource: Resource) -> AmountModel.PooledBursts {
                        tenants.bursts(resource, in: circles)
                    }
                    guard let history = row.history else {
                        Self.writeCold(row, amounts: amounts, pooled: pooled, to: base)
                        continue
                    }
                    (histories + history).writeClimate(at: row.second, clocks: clocks, to: base)
                    if usesOnset, row.kind == .surge || !hasNetwork {
                        Self.writeOnset(
                            row, history: histories + history, amounts: amounts, pooled: pooled, clocks: clocks,
                            to: base)
                    } else {
                        // Without an announcement the network knows all that this model does.
                        for curve in 0..<DemandForecast.curveCount where CurveKind.all[curve].target == .peak {
                            let place = base + ExpertLayout.offset(curve: curve, model: .onset)
                            ExpertLayout.copyCurve(from: place - 2 * ExpertLayout.levels, to: place)
                        }
                    }
                }
            }
        }
    }

    /// Demand with the probability that it begins, in the amounts of the instance's own peaks, or of bursts where it has
    /// had too few.
    private static func writeOnset(
        _ row: ForecastTile.Row, history: UnsafePointer<InstanceHistory>, amounts: AmountModel,
        pooled: (Resource) -> AmountModel.PooledBursts, clocks: ForecastClocks, to base: UnsafeMutablePointer<Float>
    ) {
        func hasPeaks(_ resource: Resource, _ horizon: ForecastHorizon) -> Bool {
            history.peakSeconds(resource, horizon, clocks: clocks) >= 10
        }
        for resource in Resource.allCases {
            let places =
                base + ExpertLayout.offset(curve: DemandForecast.curveIndex(resource, .peak, .short), model: .onset)
            for horizon in ForecastHorizon.allCases where hasPeaks(resource, horizon) {
                history.writePeaks(
                    resource, horizon, probability: Double(row.onset[horizon.rawValue]),
                    to: places + horizon.rawValue * ExpertLayout.curve)
            }
            guard !ForecastHorizon.allCases.allSatisfy({ hasPeaks(resource, $0) }) else { continue }
            var walk = amounts.walk(
                resource, application: row.application, pooled: pooled(resource),
                own: history.pointee.bursts[resource.rawValue], current: history.pointee.currentBurst(resource))
            for horizon in ForecastHorizon.allCases where !hasPeaks(resource, horizon) {
                walk.curve(probability: Double(row.onset[horizon.rawValue]))
                    .write(to: places + horizon.rawValue * ExpertLayout.curve)
            }
        }
    }

    private static func writeCold(
        _ row: ForecastTile.Row, amounts: AmountModel, pooled: (Resource) -> AmountModel.PooledBursts,
        to base: UnsafeMutablePointer<Float>
    ) {
        base.update(repeating: 0, count: ExpertLayout.row)
        for resource in Resource.allCases {
            var walk = amounts.walk(
                resource, application: row.application, pooled: pooled(resource), own: nil, current: 0)
            for horizon in ForecastHorizon.allCases {
                let said = walk.curve(probability: Double(row.onset[horizon.rawValue]))
                let curve = DemandForecast.curveIndex(resource, .peak, horizon)
                for model in ForecastModel.allCases {
                    said.write(to: base + ExpertLayout.offset(curve: curve, model: model))
                }
            }
        }
    }

    private mutating func keep(_ number: Int, of tile: ForecastTile, _ forecast: DemandForecast) {
        let row = tile.rows[number]
        let kept = PendingForecast(
            slot: row.slot, generation: slots[row.slot].generation, kind: row.kind,
            share: row.isIdle ? Float(Self.idlePeriod) : 1, scales: row.scales,
            hasHistory: row.history != nil)
        scoring.scorer.noteSampled()
        scoring.keep(at: row.second) { second in
            second.forecasts.append(kept)
            second.experts.append(contentsOf: tile.experts[(number * ExpertLayout.row)...].prefix(ExpertLayout.row))
            second.combined.append(
                contentsOf: tile.combined[(number * ForecastTile.combinedRow)...].prefix(ForecastTile.combinedRow))
            for curve in 0..<DemandForecast.curveCount { second.curves.append(forecast.curves[curve]) }
            if kept.hasHistory, !tile.networks.isEmpty {
                let features = tile.networks[0].layers[0][(number * FeatureVector.count)...]
                second.features.append(contentsOf: features.prefix(FeatureVector.count))
            } else {
                second.features.append(contentsOf: repeatElement(0, count: FeatureVector.count))
            }
        }
    }
}
