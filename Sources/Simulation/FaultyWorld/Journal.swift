import FleetModel

/// The last happenings as text, for a person who looks into a violation. Off in ordinary runs: text is dear.
struct Journal: Sendable {
    private(set) var lines: [String] = []
    private let isOn: Bool

    static let maximumLines = 4_000

    init(isOn: Bool) { self.isOn = isOn }

    mutating func note<Happening>(_ now: MonotonicTime, _ happening: @autoclosure () -> Happening) {
        guard isOn else { return }
        // In two halves, so that the oldest half goes at once and adding stays O(1) on average.
        if lines.count == Self.maximumLines { lines.removeFirst(Self.maximumLines / 2) }
        lines.append("\(now.rawValue / 1_000_000) ms \(happening())")
    }
}
