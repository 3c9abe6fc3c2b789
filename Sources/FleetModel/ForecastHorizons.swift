/// How many seconds ahead each ``ForecastHorizon`` looks: three numbers, strictly rising, each in ``range``.
///
/// Forecasters are configured with them, and each forecast says which it was made for. Forecasts keep three horizons
/// whatever their seconds: what is remembered of an instance has a fixed size.
package struct ForecastHorizons: Hashable, Sendable {
    /// As far back as instances' seconds are remembered one by one.
    package static let range = 1...30
    /// 5, 15 and 30 s.
    package static let standard = ForecastHorizons(unchecked: 5, 15, 30)

    private let short: UInt8
    private let medium: UInt8
    private let long: UInt8

    private init(unchecked short: UInt8, _ medium: UInt8, _ long: UInt8) {
        self.short = short
        self.medium = medium
        self.long = long
    }

    /// The horizons of these seconds; nil unless there are three, strictly rising, all in ``range``.
    package init?(_ seconds: [Int]) {
        guard seconds.count == ForecastHorizon.allCases.count, seconds.allSatisfy(Self.range.contains),
            zip(seconds, seconds.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        self.init(unchecked: UInt8(seconds[0]), UInt8(seconds[1]), UInt8(seconds[2]))
    }

    /// Seconds from now to the end of a horizon.
    package subscript(horizon: ForecastHorizon) -> Int {
        switch horizon {
        case .short: Int(short)
        case .medium: Int(medium)
        case .long: Int(long)
        }
    }

    /// Ascending, as ``init(_:)`` takes them.
    package var all: [Int] { [Int(short), Int(medium), Int(long)] }
}

extension ForecastHorizons: CustomStringConvertible {
    /// The horizons written as `5,15,30`, blanks allowed; nil where ``init(_:)`` would give none.
    package init?(text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        var seconds: [Int] = []
        for part in parts {
            guard let number = Int(part.filter { $0 != " " }) else { return nil }
            seconds.append(number)
        }
        self.init(seconds)
    }

    /// As ``init(text:)`` reads it.
    package var description: String { "\(short),\(medium),\(long)" }

    /// For sentences: `5, 15 and 30 s`.
    package var phrase: String { "\(short), \(medium) and \(long) s" }
}
