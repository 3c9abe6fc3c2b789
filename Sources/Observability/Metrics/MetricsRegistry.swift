import Synchronization

/// The metrics of one daemon, exposed in Prometheus' text format 0.0.4.
///
/// Names begin with `presync_` and end in their base unit; counters end in `_total`. Each family has at most
/// ``maximumSeries`` series: what would be one more is dropped and counted in `presync_metrics_dropped_total`.
package final class MetricsRegistry: Sendable {
    package static let maximumSeries = 4_096

    private struct State {
        var families: [MetricFamily] = []
        var indices: [String: Int] = [:]
        var dropped: UInt64 = 0
        var scrapers: [@Sendable () async -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// The counter of this name; the same one for the same name.
    package func counter(_ name: String, help: String) -> MetricCounter {
        precondition(name.hasSuffix("_total"), "a counter's name ends in _total")
        return MetricCounter(registry: self, family: register(name, help: help, kind: .counter))
    }

    /// The gauge of this name; the same one for the same name.
    package func gauge(_ name: String, help: String) -> MetricGauge {
        MetricGauge(registry: self, family: register(name, help: help, kind: .gauge))
    }

    /// The histogram of this name, with the upper bounds of its buckets, ascending.
    package func histogram(_ name: String, help: String, bounds: [Double]) -> MetricHistogram {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "the bounds of a histogram ascend")
        return MetricHistogram(registry: self, family: register(name, help: help, kind: .histogram(bounds: bounds)))
    }

    /// Calls `scraper` before each exposition, to set what is known only when asked.
    package func onScrape(_ scraper: @escaping @Sendable () async -> Void) {
        state.withLock { $0.scrapers.append(scraper) }
    }

    /// All metrics as text, ascending by name. O(series log series)
    package func exposition() async -> String {
        for scraper in state.withLock({ $0.scrapers }) { await scraper() }
        let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
        var text = ""
        for family in families.sorted(by: { $0.name < $1.name }) { family.write(to: &text) }
        text += "# HELP presync_metrics_dropped_total Updates of series beyond the bound of their metric.\n"
        text += "# TYPE presync_metrics_dropped_total counter\npresync_metrics_dropped_total \(dropped)\n"
        return text
    }

    private func register(_ name: String, help: String, kind: MetricKind) -> Int {
        let isWellFormed = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "_")
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        precondition(name.hasPrefix("presync_") && isWellFormed, "metrics are named presync_*, in lower case")
        return state.withLock { state in
            if let index = state.indices[name] {
                precondition(state.families[index].kind == kind, "\(name) is registered as another kind")
                return index
            }
            state.families.append(MetricFamily(name: name, help: help, kind: kind))
            state.indices[name] = state.families.count - 1
            return state.families.count - 1
        }
    }

    /// Changes one family. `change` answers false where the bound on series stopped it.
    fileprivate func update(_ family: Int, _ change: (inout MetricFamily) -> Bool) {
        state.withLock { state in
            if !change(&state.families[family]) { state.dropped += 1 }
        }
    }
}

/// A count that only grows.
package struct MetricCounter: Sendable {
    fileprivate let registry: MetricsRegistry
    fileprivate let family: Int

    /// Adds `amount`, which is not negative.
    package func add(_ amount: Double = 1, _ labels: MetricLabels = [:]) {
        registry.update(family) { $0.update(labels, limit: MetricsRegistry.maximumSeries) { $0 += max(0, amount) } }
    }

    /// Sets a count that is kept elsewhere; a value below the present one is ignored.
    package func raise(to total: Double, _ labels: MetricLabels = [:]) {
        registry.update(family) { $0.update(labels, limit: MetricsRegistry.maximumSeries) { $0 = max($0, total) } }
    }
}

/// A value that goes up and down.
package struct MetricGauge: Sendable {
    fileprivate let registry: MetricsRegistry
    fileprivate let family: Int

    package func set(_ value: Double, _ labels: MetricLabels = [:]) {
        registry.update(family) { $0.update(labels, limit: MetricsRegistry.maximumSeries) { $0 = value } }
    }

    /// Sets all series at once; those that are not named are no longer exposed.
    package func replaceAll(_ series: [(MetricLabels, Double)]) {
        registry.update(family) { family in
            family.removeAll()
            return series.reduce(true) { fits, one in
                family.update(one.0, limit: MetricsRegistry.maximumSeries) { $0 = one.1 } && fits
            }
        }
    }
}

/// A distribution over fixed buckets.
package struct MetricHistogram: Sendable {
    fileprivate let registry: MetricsRegistry
    fileprivate let family: Int

    package func observe(_ value: Double, _ labels: MetricLabels = [:]) {
        guard !value.isNaN else { return }
        registry.update(family) { $0.observe(value, labels, limit: MetricsRegistry.maximumSeries) }
    }
}
