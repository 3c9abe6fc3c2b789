import ForecastCore

/// What is judged side by side: the engine, what its parts say alone, and simple methods.
enum EvaluatedMethod: String, CaseIterable {
    case presync
    /// The engine with fewer inputs.
    case presyncOfGPU = "presync-gpu-only"
    case presyncOfGPUAndHost = "presync-gpu-and-host"
    case climate
    case network
    case rollingQuantiles = "rolling-quantiles-300"
    case lastValue = "last-value"
    case movingAverage = "ewma-gaussian"

    /// The engine's models; none for what is no part of it.
    var models: [ForecastModel] {
        switch self {
        case .presync, .presyncOfGPU, .presyncOfGPUAndHost: ForecastModel.allCases
        case .climate: [.climate]
        case .network: [.network]
        case .rollingQuantiles, .lastValue, .movingAverage: []
        }
    }

    var baseline: BaselineForecaster.Method? {
        switch self {
        case .presync, .presyncOfGPU, .presyncOfGPUAndHost, .climate, .network: nil
        case .rollingQuantiles: .rollingQuantiles(seconds: 300)
        case .lastValue: .lastValue
        case .movingAverage: .movingAverage(halfLife: 30)
        }
    }

    /// The class of its line in ``ReportStyle``.
    var lineStyle: String {
        switch self {
        case .presync, .presyncOfGPU, .presyncOfGPUAndHost: "presync"
        case .climate: "climate"
        case .network: "network"
        case .rollingQuantiles: "rolling"
        case .lastValue: "last"
        case .movingAverage: "ewma"
        }
    }

    static let ablation: [Self] = [.presyncOfGPU, .presyncOfGPUAndHost]

    static let standard = allCases.filter { !ablation.contains($0) }

    var inputs: PanelInputs {
        switch self {
        case .presyncOfGPU: .gpu
        case .presyncOfGPUAndHost: .gpuAndHost
        default: .all
        }
    }
}
