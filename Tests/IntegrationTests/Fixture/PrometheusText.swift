/// Prometheus' text format 0.0.4, read strictly: each sample belongs to a family whose kind was stated before it.
struct PrometheusText {
    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Malformed: Error, Hashable {
        var line: Substring
        var reason: String
    }

    private(set) var kinds: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init(parsing text: String) throws(Malformed) {
        guard text.hasSuffix("\n") else { throw Malformed(line: "", reason: "the last line has no end") }
        for line in text.split(separator: "\n") {
            if line.hasPrefix("#") { try readComment(line) } else { try readSample(line) }
        }
    }

    /// The sum over the series of `name` that have `labels`, among others; nil where there is no such series.
    func total(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }

    private mutating func readComment(_ line: Substring) throws(Malformed) {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count == 4, words[1] == "HELP" || words[1] == "TYPE" else {
            throw Malformed(line: line, reason: "neither HELP nor TYPE of a family")
        }
        guard words[1] == "TYPE" else { return }
        guard ["counter", "gauge", "histogram"].contains(words[3]) else {
            throw Malformed(line: line, reason: "no such kind")
        }
        guard kinds.updateValue(String(words[3]), forKey: String(words[2])) == nil else {
            throw Malformed(line: line, reason: "a second TYPE of the family")
        }
    }

    private mutating func readSample(_ line: Substring) throws(Malformed) {
        let pattern = /([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)+)\})? (\S+)/
        guard let match = line.wholeMatch(of: pattern), let value = Double(match.3) else {
            throw Malformed(line: line, reason: "not a sample")
        }
        var labels: [String: String] = [:]
        for label in (match.2 ?? "").matches(of: /([a-z_]+)="((?:[^"\\]|\\.)*)"/) {
            guard labels.updateValue(String(label.2), forKey: String(label.1)) == nil else {
                throw Malformed(line: line, reason: "a label is there twice")
            }
        }
        let sample = Sample(name: String(match.1), labels: labels, value: value)
        guard isDeclared(sample) else { throw Malformed(line: line, reason: "no TYPE before it, or the wrong one") }
        samples.append(sample)
    }

    private func isDeclared(_ sample: Sample) -> Bool {
        if let kind = kinds[sample.name] {
            return kind == "gauge" || kind == "counter" && sample.name.hasSuffix("_total") && sample.value >= 0
        }
        return ["_bucket", "_sum", "_count"].contains { part in
            sample.name.hasSuffix(part) && kinds[String(sample.name.dropLast(part.count))] == "histogram"
                && (sample.labels["le"] != nil) == (part == "_bucket")
        }
    }
}
