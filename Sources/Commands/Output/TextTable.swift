import Dashboard

/// A table for people: columns as wide as their widest cell, two spaces apart, no line drawing.
struct TextTable {
    struct Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
        var text: String
        var style: TextStyle = .plain

        init(_ text: String, _ style: TextStyle = .plain) {
            self.text = text
            self.style = style
        }

        init(stringLiteral value: String) { self.init(value) }
    }

    /// Titles in capitals, as many as each row has cells.
    var titles: [String]
    var rows: [[Cell]] = []
    /// What to say instead of an empty table.
    var emptyText = ""

    /// The lines as text; parameters as of ``lines(header:leastWidths:evenEmpty:)``.
    func rendered(
        header: Bool, style: TerminalStyle, leastWidths: [Int] = [], evenEmpty: Bool = false
    ) -> String {
        style.render(lines(header: header, leastWidths: leastWidths, evenEmpty: evenEmpty))
    }

    /// - Parameters:
    ///   - leastWidths: of the first columns, for tables that are continued.
    ///   - evenEmpty: whether the header is written where there are no rows.
    func lines(header: Bool, leastWidths: [Int] = [], evenEmpty: Bool = false) -> [StyledLine] {
        guard evenEmpty || !rows.isEmpty else { return emptyText.isEmpty ? [] : [StyledLine(emptyText)] }
        let titleRow = titles.map { Cell($0, .strong) }
        let shown = header ? [titleRow] + rows : rows
        let widths = titles.indices.map { column in
            let least = column < leastWidths.count ? leastWidths[column] : 0
            return shown.reduce(least) { max($0, StyledLine.sanitized($1[column].text).count) }
        }
        return shown.map { row in
            var line = StyledLine()
            for (column, cell) in row.enumerated() {
                if column > 0 { line.append("  ") }
                let isLast = column == row.count - 1
                line.append(cell.text, columns: isLast ? cell.text.count : widths[column], cell.style)
            }
            return line
        }
    }
}
