package import FleetModel

/// A fan: what an instance wanted, what had been said of that before, and what is expected. A column is a second.
///
/// Each second's column shows the bands in which half, 80 % and 95 % of outcomes are to lie, and, up to now, what came:
/// a dot, or a cross where it lay outside all bands. Ahead, quantiles of the value at the
/// horizons are joined by lines; what had been said of past seconds was said the shortest horizon before.
package struct FanChart: Sendable {
    /// A central interval, by its outer levels.
    private struct Band {
        let lower: Double
        let upper: Double
        let glyph: String

        func contains(_ value: Double, of curve: QuantileCurve) -> Bool {
            // Curves are in single precision: an outcome at the edge must not fall out of it by rounding.
            let value = Double(Float(value))
            return curve.value(at: lower) <= value && value <= curve.value(at: upper)
        }
    }

    /// What is drawn of one second.
    private struct Column {
        /// Seconds from now.
        let offset: Int
        var came: Double?
        var curve: QuantileCurve?
    }

    /// How often what came lay in each band.
    package struct Tally: Hashable, Sendable {
        /// Seconds of which a forecast was kept and that have come.
        package var seconds = 0
        package var within50 = 0
        package var within80 = 0
        package var within95 = 0
    }

    /// Rows of a chart beside those of its plot: the axis, and the tally.
    package static let rowsBeside = 2
    private static let labelWidth = 9
    /// Innermost first.
    private static let bands = [
        Band(lower: 0.25, upper: 0.75, glyph: "▓"), Band(lower: 0.1, upper: 0.9, glyph: "▒"),
        Band(lower: 0.025, upper: 0.975, glyph: "░"),
    ]

    private let resource: Resource
    private let columns: [Column]
    private let horizons: ForecastHorizons
    package let tally: Tally

    /// The chart of one resource in at most `width` columns, labels included: as many seconds back as there is room for.
    package init(_ forecast: InstanceForecast, _ resource: Resource, width: Int) {
        self.resource = resource
        horizons = forecast.instance.forecast?.horizons ?? .standard
        let came = forecast.course[resource]
        let now = forecast.instance.latest?.second ?? 0
        var said: [Int: QuantileCurve] = [:]
        for past in forecast.past { said[Int(clamping: past.second &- now)] = past[resource] }
        let room = max(0, width - Self.labelWidth)
        let back = min(DemandCourse.length, max(1, room - horizons[.long]))
        let begun = (1 - back)...0
        let known = begun.map { offset in
            let index = came.count - 1 + offset
            return Column(offset: offset, came: index >= 0 ? Double(came[index]) : nil, curve: said[offset])
        }
        let expected =
            forecast.instance.forecast.map { Self.expected($0, resource, from: Double(came.last ?? 0)) } ?? []
        columns = Array((known + expected).prefix(room))
        tally = Self.tally(known)
    }

    /// The seconds ahead, each quantile on a line through the horizons' that begins at what is wanted now.
    private static func expected(_ forecast: DemandForecast, _ resource: Resource, from now: Double) -> [Column] {
        var columns: [Column] = []
        var (begin, left) = (0, QuantileCurve { _ in now })
        for horizon in ForecastHorizon.allCases {
            let right = forecast.curve(resource, .point, horizon)
            let end = forecast.horizons[horizon]
            for offset in (begin + 1)...end {
                let share = Double(offset - begin) / Double(end - begin)
                let curve = QuantileCurve { (1 - share) * left[$0] + share * right[$0] }
                columns.append(Column(offset: offset, curve: curve))
            }
            (begin, left) = (end, right)
        }
        return columns
    }

    private static func tally(_ columns: [Column]) -> Tally {
        var tally = Tally()
        for column in columns {
            guard let came = column.came, let curve = column.curve else { continue }
            tally.seconds += 1
            if bands[0].contains(came, of: curve) { tally.within50 += 1 }
            if bands[1].contains(came, of: curve) { tally.within80 += 1 }
            if bands[2].contains(came, of: curve) { tally.within95 += 1 }
        }
        return tally
    }

    /// `height` rows of the plot (at least 2), the axis, and how often what came lay in the bands.
    package func lines(height: Int) -> [StyledLine] {
        let height = max(2, height)
        let top = columns.reduce(0) { max($0, $1.came ?? 0, $1.curve?.value(at: Self.bands[2].upper) ?? 0) }
        let plot = (0..<height).reversed().map { row in
            var line = StyledLine()
            let label = row == height - 1 ? amount(top) : row == 0 ? "0" : ""
            line.append(label + " ", columns: Self.labelWidth, trailing: true, .faint)
            for column in columns {
                let (glyph, style) = cell(column, row: row, height: height, top: top)
                line.append(glyph, style)
            }
            return line
        }
        return plot + [axis, tallyLine]
    }

    private func amount(_ value: Double) -> String {
        switch resource {
        case .memory: Quantity.bytes(value)
        case .compute: Quantity.percent(value / 1_000)
        }
    }

    private func cell(_ column: Column, row: Int, height: Int, top: Double) -> (String, TextStyle) {
        func place(_ value: Double) -> Int { top > 0 ? min(height - 1, Int(value / top * Double(height))) : 0 }
        if let came = column.came, place(came) == row {
            guard let curve = column.curve else { return ("•", .plain) }
            return Self.bands[2].contains(came, of: curve) ? ("•", .good) : ("×", .bad)
        }
        let style: TextStyle = column.offset > 0 ? .notice : .faint
        if let curve = column.curve {
            for band in Self.bands
            where place(curve.value(at: band.lower)) <= row && row <= place(curve.value(at: band.upper)) {
                return (band.glyph, style)
            }
        }
        return (column.offset == 0 ? "│" : " ", .faint)
    }

    /// The times below the columns that they name.
    private var axis: StyledLine {
        var text = String(repeating: " ", count: Self.labelWidth + columns.count)
        func put(_ label: String, centeredAt offset: Int) {
            guard let index = columns.firstIndex(where: { $0.offset == offset }) else { return }
            let wanted = Self.labelWidth + index - label.count / 2
            let begin = max(0, min(wanted, text.count - label.count))
            let first = text.index(text.startIndex, offsetBy: begin)
            let end = text.index(first, offsetBy: label.count)
            guard text[first..<end].allSatisfy({ $0 == " " }) else { return }
            text.replaceSubrange(first..<end, with: label)
        }
        put("now", centeredAt: 0)
        for seconds in horizons.all { put("+\(seconds) s", centeredAt: seconds) }
        for seconds in stride(from: 20, through: DemandCourse.length, by: 20) {
            put("-\(seconds) s", centeredAt: -seconds)
        }
        return StyledLine(text, .faint)
    }

    private var tallyLine: StyledLine {
        var line = StyledLine(String(repeating: " ", count: Self.labelWidth))
        guard tally.seconds > 0 else {
            line.append("what is said from now on is shown beside what comes", .faint)
            return line
        }
        line.append("of \(tally.seconds) seconds ")
        line.append("\(tally.within50)", .strong)
        line.append(" lay in the 50 % band, ")
        line.append("\(tally.within80)", .strong)
        line.append(" in 80 %, ")
        line.append("\(tally.within95)", .strong)
        line.append(" in 95 %")
        return line
    }
}
