import FleetModel

extension InstanceHistory {
    /// Writes the features of this instance as of `second`, not before its last, in the order of ``FeatureVector``.
    ///
    /// O(``FeatureVector/count``).
    func writeFeatures(
        to row: UnsafeMutablePointer<Float>, scales: InlineArray<2, Float>, type: TypeLoad,
        onset: InlineArray<3, Float>, isSurge: Bool, signals: HostSignals,
        calendar: CalendarFeatures, at second: Int64, decay: DecayTable, recent: RecentLoads, row number: Int
    ) {
        var writer = FeatureWriter(row)
        let known = second - admitted
        for resource in Resource.allCases {
            writeDemand(
                to: &writer, resource, unit: 1 / scales[resource.rawValue], known: known, at: second,
                decay: decay, recent, row: number)
        }
        for age in 0..<6 as Range<Int64> { writer.put(averages.arrivals(at: second - age).squareRoot()) }
        let long = averages.value(.busy1200, at: second, known: known, decay: decay)
        let busy: [3 of LoadAverages.Average] = [.busy10, .busy60, .busy300]
        for index in busy.indices {
            writer.put(averages.value(busy[index], at: second, known: known, decay: decay).squareRoot())
        }
        writer.put(long.squareRoot())
        let arrivals: [3 of LoadAverages.Average] = [.arrivals10, .arrivals60, .arrivals300]
        for index in arrivals.indices {
            writer.put(FloatMath.log(averages.value(arrivals[index], at: second, known: known, decay: decay) + 0.01))
        }
        let idle = lastDemand == Self.never ? 1_000 : Float(min(second - lastDemand, 100_000))
        writer.put(FloatMath.log1p(idle))
        writer.put(FloatMath.log1p(Float(burstSeconds)))
        writer.put(1 / (1 + idle))
        writer.put(idle > 0 ? 1 : 0)
        for resource in Resource.allCases {
            writer.put(squeezed: Float(currentBurst(resource)) / scales[resource.rawValue])
        }
        writer.put(FloatMath.log1p(Float(min(max(known, 0), 100_000))) / 8)
        for index in type.features.indices { writer.put(type.features[index]) }
        writeComparison(to: &writer, scales: scales, type: type, busy: long, known: known, at: second, decay: decay)
        rhythm.write(to: &writer, idle: idle, at: second)
        for index in onset.indices { writer.put(signals.isReported ? onset[index] : 0) }
        writer.put(isSurge ? 1 : 0)
        writer.put(signals.isReported ? 1 : 0)
        signals.write(to: &writer)
        calendar.write(to: &writer)
        writer.finish()
    }

    private func writeDemand(
        to writer: inout FeatureWriter, _ resource: Resource, unit: Float, known: Int64, at second: Int64,
        decay: DecayTable, _ recent: RecentLoads, row: Int
    ) {
        var older: InlineArray<2, Float> = InlineArray(repeating: 0)
        var peaks: InlineArray<3, Float> = InlineArray(repeating: 0)
        for age in 0..<32 {
            let value = recent.demand(resource, row: row, at: second - Int64(age), last: last)
            if age < 8 {
                writer.put(squeezed: value * unit)
            } else {
                older[age < 16 ? 0 : 1] += value
            }
            if age < 5, value > peaks[0] { peaks[0] = value }
            if age < 15, value > peaks[1] { peaks[1] = value }
            if age < 30, value > peaks[2] { peaks[2] = value }
        }
        writer.put(squeezed: older[0] * unit / 8)
        writer.put(squeezed: older[1] * unit / 16)
        for index in peaks.indices { writer.put(squeezed: peaks[index] * unit) }
        let wanted: [3 of LoadAverages.Average] =
            resource == .memory ? [.memory30, .memory120, .memory600] : [.compute30, .compute120, .compute600]
        for index in wanted.indices {
            writer.put(squeezed: averages.value(wanted[index], at: second, known: known, decay: decay) * unit)
        }
    }

    /// How the instance compares to its type: how busy, how scattered its demand, how lasting.
    private func writeComparison(
        to writer: inout FeatureWriter, scales: InlineArray<2, Float>, type: TypeLoad, busy: Float, known: Int64,
        at second: Int64, decay: DecayTable
    ) {
        writer.put(FloatMath.log(busy + 0.003) - type.usualBusy)
        for resource in Resource.allCases {
            let square = averages.value(
                resource == .memory ? .memorySquare600 : .computeSquare600, at: second, known: known, decay: decay)
            writer.put(squeezed: (square / (busy + 0.02)).squareRoot() / scales[resource.rawValue])
        }
        writer.put(averages.value(.continued600, at: second, known: known, decay: decay) / (busy + 0.01))
    }
}
