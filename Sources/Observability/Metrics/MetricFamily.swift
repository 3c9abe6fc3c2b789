/// What a metric of one name is.
enum MetricKind: Hashable, Sendable {
    case counter
    case gauge
    /// With the upper bounds of its buckets, ascending; one more, for everything above, is implied.
    case histogram(bounds: [Double])

    var exposedName: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }
}

/// The labels of one series, in the order and form in which they are exposed.
package struct MetricLabels: Hashable, Comparable, Sendable, ExpressibleByDictionaryLiteral {
    /// `name="value"` pairs separated by commas, ascending by name; empty without labels.
    let exposed: String

    package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

    /// Labels from pairs of a name and a value. Names are ours and well formed; values are escaped.
    package init(_ pairs: [(String, String)]) {
        exposed = pairs.sorted { $0.0 < $1.0 }
            .map { name, value in "\(name)=\"\(Self.escaped(value))\"" }
            .joined(separator: ",")
    }

    package static func < (left: Self, right: Self) -> Bool { left.exposed < right.exposed }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}

/// All series of one name.
struct MetricFamily: Sendable {
    struct Distribution: Sendable {
        var counts: [UInt64]
        var sum: Double = 0
    }

    enum Series: Sendable {
        case value(Double)
        case distribution(Distribution)
    }

    let name: String
    let help: String
    let kind: MetricKind
    private(set) var series: [MetricLabels: Series] = [:]

    init(name: String, help: String, kind: MetricKind) {
        self.name = name
        self.help = help
        self.kind = kind
    }

    /// Changes the series with these labels, creating it at zero. Answers false, and changes nothing, if it would be
    /// one series more than `limit`.
    mutating func update(_ labels: MetricLabels, limit: Int, _ change: (inout Double) -> Void) -> Bool {
        guard series[labels] != nil || series.count < limit else { return false }
        var value = 0.0
        if case .value(let current)? = series[labels] { value = current }
        change(&value)
        series[labels] = .value(value)
        return true
    }

    /// Adds an observation to a histogram. O(buckets)
    mutating func observe(_ value: Double, _ labels: MetricLabels, limit: Int) -> Bool {
        guard case .histogram(let bounds) = kind, series[labels] != nil || series.count < limit else { return false }
        var distribution = Distribution(counts: Array(repeating: 0, count: bounds.count + 1))
        if case .distribution(let current)? = series[labels] { distribution = current }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        distribution.counts[bucket] += 1
        distribution.sum += value
        series[labels] = .distribution(distribution)
        return true
    }

    mutating func removeAll() { series.removeAll(keepingCapacity: true) }

    /// The family in the text format: HELP, TYPE, and its series ascending by labels. O(series log series)
    func write(to text: inout String) {
        guard !series.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.exposedName)\n"
        for (labels, one) in series.sorted(by: { $0.key < $1.key }) {
            switch one {
            case .value(let value): text += Self.line(name, labels.exposed, value)
            case .distribution(let distribution): write(distribution, labels, to: &text)
            }
        }
    }

    private func write(_ distribution: Distribution, _ labels: MetricLabels, to text: inout String) {
        guard case .histogram(let bounds) = kind else { return }
        let separator = labels.exposed.isEmpty ? "" : ","
        var cumulative: UInt64 = 0
        for (index, count) in distribution.counts.enumerated() {
            cumulative += count
            let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
            text += Self.line("\(name)_bucket", labels.exposed + separator + "le=\"\(bound)\"", Double(cumulative))
        }
        text += Self.line("\(name)_sum", labels.exposed, distribution.sum)
        text += Self.line("\(name)_count", labels.exposed, Double(cumulative))
    }

    private static func line(_ name: String, _ labels: String, _ value: Double) -> String {
        labels.isEmpty ? "\(name) \(number(value))\n" : "\(name){\(labels)} \(number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String(value)
    }
}
