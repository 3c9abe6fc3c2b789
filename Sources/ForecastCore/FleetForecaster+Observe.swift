package import FleetModel

extension FleetForecaster {
    package mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {
        // A bound that no clock reaches keeps the arithmetic of seconds from overflowing.
        guard isInUse(slot), observation.second.magnitude < 1 << 48 else { return }
        var observation = observation
        observation.second += shift(at: observation.second)
        let second = observation.second
        let index = slot.rawValue
        if let last = slots[index].track.last {
            guard second > last else { return }
        } else {
            slots[index].admitted = second - 1
        }
        let load = InlineArray<2, Double> { resource in
            let value = resource == 0 ? observation.gpuMemory : observation.gpuCompute
            return value > 0 ? min(value, Self.greatestDemand) : 0
        }
        let hasDemand = load[0] > 0 || load[1] > 0
        scoring.noteObserved(second)
        scale.advance(to: second, clock: clocks.long)
        onsets.advance(to: second, clock: clocks.long)
        endings.advance(to: second, clock: clocks.long)
        scale.count(load)
        slots[index].track.observe(observation, hasDemand: hasDemand)
        slots[index].signals.observe(observation)
        onsets.learn(
            from: &slots[index].track, application: Int(slots[index].application), tenants: &tenants,
            pool: slots[index].pool)
        endings.learn(from: slots[index].track, application: Int(slots[index].application))
        let work = observation.workInFlight ?? 0
        let arrivals = work > 0 ? Float(min(work, 1e6)) : 0
        observeHistory(index, load, arrivals: arrivals, hasDemand: hasDemand, at: second)
        if hasDemand, let history = slots[index].history {
            let rhythm = histories.read(Int(history)) { $0.pointee.rhythm }
            slots[index].track.note(
                EndingContext(
                    age: second - (rhythm.began ?? second) + 1, usualLength: rhythm.usualLength, hasWork: arrivals > 0))
        }
    }

    /// What is to be added to a second that is observed: after a snapshot, the first follows the last before it.
    private mutating func shift(at second: Int64) -> Int64 {
        if let timeShift { return timeShift }
        let shift = (scoring.newest ?? 0) + 1 - second
        timeShift = shift
        return shift
    }

    private mutating func observeHistory(
        _ index: Int, _ load: InlineArray<2, Double>, arrivals: Float, hasDemand: Bool, at second: Int64
    ) {
        let application = Int(slots[index].application)
        types[application].second.arrivals += arrivals
        guard let number = slots[index].history ?? (hasDemand ? beginHistory(index, at: second) : nil) else { return }
        let history = Int(number)
        let isRecent = hasDemand || second - histories.read(history) { $0.pointee.lastDemand } <= Self.longIdleSeconds
        guard isRecent || arrivals > 0 else { return }
        if let peaks = histories[history].endBurst(at: second) {
            amounts.count(peaks, application: application)
            tenants.count(burst: peaks, in: tenants.circles(of: slots[index].pool))
        }
        let wasBusy = histories.read(history) { $0.pointee.lastDemand == second - 1 }
        histories[history].observe(
            load, arrivals: arrivals, at: second, clocks: clocks, recent: &recent, row: history)
        guard hasDemand else { return }
        types[application].second.busy += 1
        if wasBusy { types[application].second.continued += 1 }
        tenants.count(demand: [Float(load[0]), Float(load[1])], in: tenants.circles(of: slots[index].pool))
        for resource in Resource.allCases {
            let value = Float(load[resource.rawValue])
            let scaled =
                value
                / demandScale(
                    history, resource, application: application, pool: slots[index].pool, at: second)
            types[application].second.demand[resource.rawValue] += value
            types[application].second.scaled[resource.rawValue] += min(scaled, 100)
            types[application].second.squares[resource.rawValue] += min(scaled * scaled, 10_000)
        }
    }

    /// The mean demand of an instance while it has any: the unit of its features and of the network's quantiles.
    ///
    /// It changes nothing: `mutating` keeps the compiler from copying the whole state for the call.
    mutating func demandScale(
        _ history: Int?, _ resource: Resource, application: Int, pool: Int16?, at second: Int64
    ) -> Float {
        let ofType = types[application].usualDemand(resource, fleet: fleetDemand[resource.rawValue])
        let usual = tenants.usualDemand(resource, type: ofType, in: tenants.circles(of: pool))
        guard let history else { return max(usual, LoadAverages.leastScale) }
        return histories.read(history) {
            $0.pointee.averages.scale(resource, usual: usual, at: second, decay: clocks.decay)
        }
    }

    /// Ends the second that types have summed up, once all that was reported of it has come.
    mutating func advanceTypes() {
        guard let newest = scoring.newest, newest != typesAt else { return }
        let elapsed = max(1, newest - (typesAt ?? newest - 1))
        typesAt = newest
        for index in types.indices { types[index].advance(by: elapsed) }
        sumUpTypes()
    }

    /// Takes the fleet's mean demand from what the types had.
    mutating func sumUpTypes() {
        var sums = InlineArray<2, Float>(repeating: 0)
        var seconds: Float = 1e-6
        for type in types {
            for resource in sums.indices { sums[resource] += type.demandSums[resource] }
            seconds += type.busySeconds
        }
        for resource in sums.indices { fleetDemand[resource] = sums[resource] / seconds }
    }

    private mutating func beginHistory(_ index: Int, at second: Int64) -> Int32 {
        let fresh = InstanceHistory(admitted: slots[index].admitted, last: second - 1, clocks: clocks)
        let number = addHistory(fresh, of: Int32(index))
        slots[index].history = number
        return number
    }

    /// Adds a history without recent loads. `owner` is the slot whose it is, nil where the instance is not there.
    mutating func addHistory(_ history: InstanceHistory, of owner: Int32?) -> Int32 {
        if let free = freeHistories.popLast() {
            histories[Int(free)] = history
            historyOwners[Int(free)] = owner
            idleCurves.clear(Int(free))
            recent.clear(Int(free))
            return free
        }
        histories.append(history)
        historyOwners.append(owner)
        idleCurves.addRow()
        recent.addRow()
        return Int32(histories.count - 1)
    }
}
