package import FleetModel

/// How much of a device's compute one tenant's forecast takes, so that the sum of all tenants' demand stays within the
/// device with a stated probability.
///
/// The sum of many independent demands of means m and variances v exceeds a capacity C for no more than the share of the
/// time that belongs to z standard deviations where `Σ (m + s/2 · v) <= C - z² / (2 s)`, for any s > 0: the effective
/// bandwidth of a demand, to the second order (Kelly, "Notes on effective bandwidths", 1996, section 2). It adds up, so
/// that a device's account is one number. Tenants that share a workload rise together: a part of each is counted as if
/// all did, at its own upper quantile. What is promised is scaled so that a device is full at 1000 thousandths.
package enum ComputePromise {
    /// For this share of the time the demand on a full device may exceed it; of the normal distribution, one-sided.
    package static let overloadShare = 0.05
    private static let deviations = 1.645
    /// s, per thousandth of a device: with it 271 thousandths are kept for variation.
    private static let slope = 0.005
    /// The part of a tenant's demand that comes together with the others'.
    private static let dependence = 0.1
    private static let capacity = 1_000 - deviations * deviations / (2 * slope)

    /// The promise for a demand of which `curve` gives the quantiles, in thousandths of a device.
    ///
    /// - Returns: 1 to 1000 thousandths.
    package static func share(_ curve: QuantileCurve) -> MilliShare {
        var mean = 0.0
        var square = 0.0
        var below = 0.0
        for index in 0..<QuantileLevels.count {
            // Each quantile stands for the levels from half way to its lower neighbour to half way to its upper one.
            let next = index + 1 < QuantileLevels.count ? QuantileLevels.all[index + 1] : nil
            let above = next.map { (QuantileLevels.all[index] + $0) / 2 } ?? 1
            let value = min(curve[index], 1_000)
            mean += (above - below) * value
            square += (above - below) * value * value
            below = above
        }
        let bandwidth = mean + slope / 2 * max(square - mean * mean, 0)
        let together = min(curve.value(at: 1 - overloadShare), 1_000)
        let promised = ((1 - dependence) * bandwidth + dependence * together) * 1_000 / capacity
        return MilliShare(covering: promised)
    }
}

extension MilliShare {
    /// The least share of a device that covers `amount` thousandths: 1 to 1000.
    package init(covering amount: Double) { self.init(Int32(min(max(amount.rounded(.up), 1), 1_000))) }
}
