import FleetModel

/// How much an instance wants once it begins, as a decision about a slice needs it: quantiles of the greatest demand of a
/// burst, memory in bytes and compute in thousandths of a device.
package struct BurstAmounts: Sendable {
    /// Memory at the levels 0.1, 0.5 and 0.9.
    package var lowMemory: Double
    package var medianMemory: Double
    package var highMemory: Double
    /// Memory at the service level asked for, and at the highest level asked for.
    package var memory: Double
    package var amplestMemory: Double
    /// Compute at the level 0.5.
    package var medianCompute: Double

    /// The width of the 80 % interval of memory divided by its median; 0 without any demand.
    package var relativeWidth: Double { medianMemory > 0 ? (highMemory - lowMemory) / medianMemory : 0 }
}

extension Forecaster {
    /// What ``amountIfDemanded(_:resource:level:)`` says at each level.
    package func burstAmounts(_ slot: ForecastSlot, serviceLevel: Double, highestLevel: Double) -> BurstAmounts {
        func memory(_ level: Double) -> Double { amountIfDemanded(slot, resource: .memory, level: level) }
        return BurstAmounts(
            lowMemory: memory(0.1), medianMemory: memory(0.5), highMemory: memory(0.9), memory: memory(serviceLevel),
            amplestMemory: memory(highestLevel),
            medianCompute: amountIfDemanded(slot, resource: .compute, level: 0.5))
    }
}
