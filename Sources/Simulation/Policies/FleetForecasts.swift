import AllocationCore
import FleetModel
import ForecastCore

/// The shipped forecaster over a trace: what it says of each instance at the beginning of a second. Made once for all the
/// policies that are compared.
struct FleetForecasts: Sendable {
    /// What is expected of one instance.
    struct Outlook: Sendable {
        var onset = InlineArray<3, Float>(repeating: 0)
        /// The width of the 80 % interval of a burst's memory, divided by its median.
        var relativeWidth = 0.0
        var amount = Slice.zero
        var amplest = Bytes.zero
        /// What its demand takes of a device's compute beside others', thousandths.
        var expectedCompute = MilliShare.zero
    }

    private var forecaster: any Forecaster
    private let slots: [ForecastSlot]
    private let serviceLevel: Double
    private(set) var outlooks: [Outlook]

    init(_ instances: [InstanceDescription], serviceLevel: Double, forecaster: consuming any Forecaster) {
        slots = instances.map { forecaster.admit($0) }
        self.forecaster = forecaster
        self.serviceLevel = serviceLevel
        outlooks = Array(repeating: Outlook(), count: instances.count)
    }

    /// Takes in the second before `second`.
    mutating func advance(to second: Int, seen: ArraySlice<DemandTrace.Entry>) {
        var next = seen.startIndex
        for instance in slots.indices {
            while next < seen.endIndex, seen[next].instance < instance { next += 1 }
            let observation =
                next < seen.endIndex && seen[next].instance == instance
                ? seen[next].load : LoadObservation(second: Int64(second - 1), gpuMemory: 0, gpuCompute: 0)
            forecaster.observe(slots[instance], observation)
        }
        let forecasts = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        for instance in slots.indices {
            let amounts = forecaster.burstAmounts(
                slots[instance], serviceLevel: serviceLevel, highestLevel: AllocationSubject.highestServiceLevel)
            func mebibytes(_ amount: Double) -> Bytes {
                .mebibytes(Int64((min(amount, 0x1p50) / 0x1p20).rounded(.up)))
            }
            outlooks[instance] = Outlook(
                onset: forecasts[instance].onset, relativeWidth: amounts.relativeWidth,
                amount: Slice(
                    memory: mebibytes(amounts.memory),
                    compute: MilliShare(covering: amounts.medianCompute)),
                amplest: mebibytes(amounts.amplestMemory),
                expectedCompute: ComputePromise.share(forecasts[instance].curve(.compute, .point, .short)))
        }
    }
}
