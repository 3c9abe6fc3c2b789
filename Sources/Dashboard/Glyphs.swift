/// Small charts of one line, made of block characters (Unicode chart U+2580), each one column wide.
package enum Glyphs {
    private static let eighthsAcross: [Character] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
    private static let eighthsUp: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// Every character that this module draws and that is not ASCII, and what stands for it where only that is shown.
    static let ascii: [Unicode.Scalar: Character] = [
        "▏": ".", "▎": ".", "▍": ".", "▌": "#", "▋": "#", "▊": "#", "▉": "#", "█": "#", "▁": "_", "▂": "_", "▃": ".",
        "▄": "-", "▅": "-", "▆": "=", "▇": "=", "░": ".", "▒": "-", "▓": "=", "·": ".", "─": "-", "│": "|", "•": "o",
        "×": "x",
    ]

    /// A bar of `width` columns filled to `share` (clamped to 0 through 1), in eighths of a column.
    package static func bar(_ share: Double, width: Int) -> String {
        let width = max(0, width)
        let eighths = Int((clamped(share) * Double(width) * 8).rounded())
        var text = String(repeating: "█", count: eighths / 8)
        if eighths % 8 > 0 { text.append(eighthsAcross[eighths % 8]) }
        return text + String(repeating: "░", count: width - text.count)
    }

    /// The last `width` of `values`, oldest on the left, scaled from 0 to `ceiling`; blank before the first.
    package static func sparkline(_ values: some BidirectionalCollection<Double>, ceiling: Double, width: Int) -> String
    {
        let width = max(0, width)
        let shown = values.suffix(width)
        let marks = shown.map { value -> Character in
            let share = ceiling > 0 ? clamped(value / ceiling) : 0
            return share == 0 ? " " : eighthsUp[min(7, Int(share * 8))]
        }
        return String(repeating: " ", count: width - marks.count) + String(marks)
    }

    /// An interval on a scale from 0 to `ceiling`: dots, then `▒` from `low` to `high` with `█` at `middle`.
    package static func band(low: Double, middle: Double, high: Double, ceiling: Double, width: Int) -> String {
        let width = max(0, width)
        guard width > 0, ceiling > 0, high > 0 else { return String(repeating: "·", count: width) }
        func column(_ value: Double) -> Int { min(width - 1, Int(clamped(value / ceiling) * Double(width))) }
        let (first, mark, last) = (column(low), column(middle), column(high))
        return String((0..<width).map { $0 == mark ? "█" : first <= $0 && $0 <= last ? "▒" : "·" })
    }

    private static func clamped(_ share: Double) -> Double { share.isFinite ? min(max(share, 0), 1) : 0 }
}
