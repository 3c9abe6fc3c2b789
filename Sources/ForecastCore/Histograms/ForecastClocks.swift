import FleetModel

/// What all that is remembered goes by: the paces of forgetting, and how far ahead is looked.
struct ForecastClocks: Sendable {
    /// Half-life 600 s, for histograms of single instances; counts are halved with each era.
    let short = DecayClock(halfLife: 600, halfLivesPerEra: 1)
    /// Half-life 3,600 s, for what is pooled, and for scales.
    let long = DecayClock(halfLife: 3_600)
    let decay = DecayTable.shared
    var horizons = ForecastHorizons.standard
}
