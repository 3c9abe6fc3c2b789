/// How a report looks: light, dark, and on paper. Colours are those of Okabe and Ito (2008), which people with any kind
/// of colour vision can tell apart; lines differ in their dashes, too.
enum ReportStyle {
    /// Free of the characters that would be escaped.
    static let sheet = """
        :root { color-scheme: light; --paper: #fff; --ink: #1b1f24; --faint: #57606a; --rule: #d8dee4; --tint: #eef5fb;
          --blue: #0072b2; --green: #009e73; --purple: #b75d90; --red: #d55e00; --yellow: #d99000; --grey: #767676;
          --sky: #56b4e9; }
        @media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; --paper: #14181d; --ink: #e6e9ec;
          --faint: #9aa4ae; --rule: #343c45; --tint: #1b2a38; --blue: #4aa8e8; --green: #2fbf93; --purple: #dd95bf;
          --red: #f0824a; --yellow: #efbf45; --grey: #a0a0a0; --sky: #2f7fb5; } }
        body { margin: 2rem auto; padding: 0 1rem; max-width: 62rem; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
        h3 { font-size: 1rem; margin: 1.5rem 0 0; overflow-wrap: anywhere; }
        p, dd, li { max-width: 46rem; } a { color: var(--blue); }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; }
        dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
        figure { margin: 1rem 0; } figcaption { color: var(--faint); font-size: 0.9rem; max-width: 46rem; }
        svg { display: block; width: 100%; height: auto; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; margin-bottom: 1rem; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: var(--faint); padding: 0.3rem 0; }
        th, td { padding: 0.15rem 0.6rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
        th { font-weight: 600; } th.group { text-align: center; } th.name, td.name { text-align: left; }
        tr.engine { background: var(--tint); } td.best { font-weight: 700; }
        text { font: 12px system-ui, sans-serif; fill: var(--ink); } text.tick { fill: var(--faint); }
        text.name { font-weight: 600; } .end { text-anchor: end; } .middle { text-anchor: middle; }
        .grid { stroke: var(--rule); } .mark { stroke: var(--faint); }
        .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
        .presync { stroke: var(--blue); stroke-width: 2.6; } .climate { stroke: var(--green); }
        .network { stroke: var(--purple); stroke-dasharray: 7 3; } .rolling { stroke: var(--red); }
        .last { stroke: var(--yellow); stroke-dasharray: 2 3; } .ewma { stroke: var(--grey); stroke-dasharray: 9 3 2 3; }
        .dot { stroke: none; fill: transparent; } .dot.presync { fill: var(--blue); } .dot.rolling { fill: var(--red); }
        .ideal { stroke: var(--ink); stroke-dasharray: 4 4; stroke-width: 1; }
        .median { stroke: var(--blue); stroke-width: 1.4; } .came { stroke: var(--ink); stroke-width: 1.1; }
        .dot.came { fill: var(--ink); }
        .band { stroke: none; } .within95 { fill: var(--blue); fill-opacity: 0.16; }
        .within80 { fill: var(--blue); fill-opacity: 0.24; } .within50 { fill: var(--blue); fill-opacity: 0.34; }
        .part { fill: var(--ink); fill-opacity: 0.07; } .hover { fill: transparent; }
        .model { stroke: var(--paper); stroke-width: 0.6; } .model.of-climate { fill: var(--green); }
        .model.of-network { fill: var(--purple); } .model.of-companion { fill: var(--sky); }
        .model.of-onset { fill: var(--yellow); }
        @media print { body { margin: 0; max-width: none; font-size: 11px; print-color-adjust: exact; }
          p, figure, tr, h2, h3 { break-inside: avoid; } h2, h3, p { break-after: avoid; }
          .scroll { overflow: visible; } table { font-size: 8.5px; } th, td { padding: 1px 4px; } }
        """
}
