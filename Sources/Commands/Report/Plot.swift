import Dashboard

/// A rectangle of a drawing in which values are plotted between two axes. What lies beyond an axis is drawn at its end.
struct Plot {
    /// Of the rectangle, in the drawing's units; y grows downward.
    var left: Double
    var top: Double
    var width: Double
    var height: Double
    var horizontal: Axis
    var vertical: Axis

    func x(_ value: Double) -> Double { left + width * Self.share(value, of: horizontal.range) }
    func y(_ value: Double) -> Double { top + height * (1 - Self.share(value, of: vertical.range)) }

    private static func share(_ value: Double, of range: ClosedRange<Double>) -> Double {
        let extent = range.upperBound - range.lowerBound
        return extent > 0 ? min(max((value - range.lowerBound) / extent, 0), 1) : 0
    }

    /// Grid lines, marks and titles of both axes, and the plot's own title above.
    func axes(title: String = "") -> Markup {
        var parts: [Markup] = []
        for tick in vertical.ticks {
            let y = y(tick.value)
            parts.append(Drawing.segment(left, y, left + width, y, "grid"))
            parts.append(Drawing.text(tick.label, left - 6, y + 4, "tick end"))
        }
        for tick in horizontal.ticks {
            let x = x(tick.value)
            parts.append(Drawing.segment(x, top + height, x, top + height + 4, "mark"))
            parts.append(Drawing.text(tick.label, x, top + height + 17, "tick middle"))
        }
        parts.append(Drawing.segment(left, top + height, left + width, top + height, "mark"))
        parts.append(Drawing.text(horizontal.title, left + width / 2, top + height + 33, "tick middle"))
        parts.append(Drawing.text(vertical.title, left - 56, top - 10, "tick"))
        if !title.isEmpty { parts.append(Drawing.text(title, left + width, top - 10, "name end")) }
        return .element("g", [:], parts)
    }

    /// A line through the points, in pieces where some are missing.
    func line(_ points: [(x: Double, y: Double)?], _ style: String) -> Markup {
        var path = ""
        var isOpen = false
        for point in points {
            guard let point else {
                isOpen = false
                continue
            }
            path += "\(isOpen ? "L" : "M")\(Drawing.number(x(point.x))) \(Drawing.number(y(point.y)))"
            isOpen = true
        }
        return .element("path", ["class": "line " + style, "d": path])
    }

    /// The area between a lower and an upper edge.
    func band(_ edges: [(x: Double, y: ClosedRange<Double>)], _ style: String) -> Markup {
        let upper = edges.map { "\(Drawing.number(x($0.x))) \(Drawing.number(y($0.y.upperBound)))" }
        let lower = edges.reversed().map { "\(Drawing.number(x($0.x))) \(Drawing.number(y($0.y.lowerBound)))" }
        let path = (upper + lower).joined(separator: "L")
        return .element("path", ["class": "band " + style, "d": path.isEmpty ? "" : "M\(path)Z"])
    }

    /// A dot that says what it stands for when it is pointed at.
    func dot(_ x: Double, _ y: Double, _ style: String, says text: String) -> Markup {
        .element(
            "circle",
            [
                "class": "dot " + style, "cx": Drawing.number(self.x(x)), "cy": Drawing.number(self.y(y)), "r": "3",
            ], [.element("title", [:], [Markup(text)])])
    }

    /// The stretch from one horizontal value to another, over the full height.
    func stretch(_ range: ClosedRange<Double>, _ style: String, says text: String) -> Markup {
        let (start, end) = (x(range.lowerBound), x(range.upperBound))
        return .element(
            "rect",
            [
                "class": style, "x": Drawing.number(start), "y": Drawing.number(top),
                "width": Drawing.number(end - start), "height": Drawing.number(height),
            ], [.element("title", [:], [Markup(text)])])
    }
}

/// The drawing around plots.
enum Drawing {
    /// Units from edge to edge of every drawing.
    static let width = 960.0
    /// Of a character of the usual size, about.
    private static let characterWidth = 6.6

    /// A drawing; `title` is what it shows, for those who cannot see it.
    static func drawing(height: Double, title: String, _ content: [Markup]) -> Markup {
        .element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 \(number(width)) \(number(height))",
                "role": "img", "aria-label": title,
            ], content)
    }

    static func text(_ text: String, _ x: Double, _ y: Double, _ style: String) -> Markup {
        .element("text", ["class": style, "x": number(x), "y": number(y)], [Markup(text)])
    }

    static func segment(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> Markup {
        .element(
            "line", ["class": style, "x1": number(x1), "y1": number(y1), "x2": number(x2), "y2": number(y2)])
    }

    /// What is drawn how, in one row from `x` on.
    static func legend(_ entries: [(label: String, sample: LegendSample)], x: Double, y: Double) -> Markup {
        var parts: [Markup] = []
        var left = x
        for entry in entries {
            switch entry.sample {
            case .line(let style): parts.append(segment(left, y - 4, left + 24, y - 4, "line " + style))
            case .area(let styles):
                for style in styles {
                    parts.append(
                        .element(
                            "rect",
                            [
                                "class": "band " + style, "x": number(left), "y": number(y - 10), "width": "24",
                                "height": "12",
                            ]))
                }
            }
            parts.append(text(entry.label, left + 30, y, "tick"))
            left += 30 + Double(entry.label.count) * characterWidth + 18
        }
        return .element("g", [:], parts)
    }

    enum LegendSample {
        case line(String)
        /// Areas that lie on one another.
        case area([String])
    }

    /// A coordinate: a tenth of a unit is finer than any screen shows.
    static func number(_ value: Double) -> String {
        let text = Quantity.decimal(value, digits: 1)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
