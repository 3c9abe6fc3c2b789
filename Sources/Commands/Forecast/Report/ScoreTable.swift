import Dashboard

/// The evaluation's figures as tables.
struct ScoreTable {
    var view: EvaluationView

    /// A row for each method: its means over the 12 cells, and its cost.
    var means: Markup {
        let titles = [
            "method", "loss", "loss at .99", "not above .9", ".95", ".99", "busy: within 80 %", "95 %", "µs a forecast",
        ]
        let rows = view.methods.map { method in
            let mean = method.mean
            let figures = [
                mean.wql, mean.wql99, mean.coverage90, mean.coverage95, mean.coverage99, mean.two80Busy, mean.two95Busy,
            ]
            return Row(
                name: method.name,
                cells: figures.map(Self.text) + [Quantity.decimal(method.microsecondsPerForecast, digits: 2)])
        }
        return table("Means over the 12 cells", [Self.titles(titles, names: 1)], rows)
    }

    /// A row for each method: its loss in each cell, the best in bold.
    var losses: Markup {
        let cells = view.methods.first?.cells ?? []
        let best = cells.indices.map { index in view.methods.map { $0.cells[index].figures.wql }.min() }
        let rows = view.methods.map { method in
            let losses = method.cells.map(\.figures.wql)
            return Row(
                name: method.name, cells: losses.map(Self.text),
                best: losses.indices.filter { losses[$0] == best[$0] })
        }
        let groups = stride(from: 0, to: cells.count, by: 3).map { "\(cells[$0].resource), \(cells[$0].target)" }
        let head: [[Markup]] = [
            [Self.title("method", isName: true, rows: 2)] + groups.map { Self.title($0, columns: 3) },
            cells.map { Self.title("\($0.horizon) s") },
        ]
        return table("Loss (wQL) by cell, the best in bold", head, rows)
    }

    /// All figures, as the terminal prints them.
    var all: Markup {
        let printed = view.table()
        let rows = printed.rows.map { row in
            Row(name: row[0].text, names: row[1...3].map(\.text), cells: row[4...].map(\.text))
        }
        return table("As 'presync forecast evaluate' prints them", [Self.titles(printed.titles, names: 4)], rows)
    }

    private struct Row {
        var name: String
        /// Cells that are names, too.
        var names: [String] = []
        var cells: [String]
        /// Indices of `cells` that are the best of their column.
        var best: [Int] = []
    }

    private static func titles(_ titles: [String], names: Int) -> [Markup] {
        titles.enumerated().map { title($1, isName: $0 < names) }
    }

    private static func title(_ text: String, isName: Bool = false, rows: Int = 1, columns: Int = 1) -> Markup {
        .element(
            "th",
            [
                "class": isName ? "name" : columns > 1 ? "group" : "figure", "rowspan": "\(rows)",
                "colspan": "\(columns)",
            ], [Markup(text)])
    }

    /// `head` is the rows above, `rows` those below.
    private func table(_ caption: String, _ head: [[Markup]], _ rows: [Row]) -> Markup {
        let body = rows.map { row in
            Markup.element(
                "tr", ["class": row.name == EvaluatedMethod.presync.rawValue ? "engine" : "other"],
                [.element("th", ["class": "name", "scope": "row"], [Markup(row.name)])]
                    + row.names.map { .element("td", ["class": "name"], [Markup($0)]) }
                    + row.cells.enumerated().map { index, cell in
                        .element("td", ["class": row.best.contains(index) ? "best" : "figure"], [Markup(cell)])
                    })
        }
        return .element(
            "div", ["class": "scroll"],
            [
                .element(
                    "table", [:],
                    [
                        .element("caption", [:], [Markup(caption)]),
                        .element("thead", [:], head.map { .element("tr", [:], $0) }), .element("tbody", [:], body),
                    ])
            ])
    }

    private static func text(_ value: Double?) -> String { value.map { Quantity.decimal($0, digits: 3) } ?? "-" }
}
