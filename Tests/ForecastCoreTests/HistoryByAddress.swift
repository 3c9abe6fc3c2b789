import FleetModel

@testable import ForecastCore

/// What is asked of a history by its address, of one that a test holds.
extension InstanceHistory {
    func peakSeconds(_ resource: Resource, _ horizon: ForecastHorizon, clocks: ForecastClocks) -> Double {
        withUnsafePointer(to: self) { $0.peakSeconds(resource, horizon, clocks: clocks) }
    }

    func writeClimate(at second: Int64, clocks: ForecastClocks, to experts: UnsafeMutablePointer<Float>) {
        withUnsafePointer(to: self) { $0.writeClimate(at: second, clocks: clocks, to: experts) }
    }

    func sum(_ resource: Resource, at second: Int64, clocks: ForecastClocks) -> (sum: Double, seconds: Double) {
        withUnsafePointer(to: self) { $0.sum(resource, at: second, clocks: clocks) }
    }
}
