import Dashboard
import Determinism
import FleetModel
import Testing

@Suite struct DashboardRendererTests {
    @Test(arguments: 0..<60)
    func `no line is wider and no screen higher than asked for`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let state = DashboardState.random(&generator)
        let (width, height) = (20 + Int(generator.below(200)), 4 + Int(generator.below(60)))
        let lines = DashboardRenderer(width: width, height: height, color: false).lines(state)
        #expect(lines.count <= height)
        #expect(lines.allSatisfy { $0.count <= width })
    }

    @Test(arguments: 0..<20)
    func `colour changes no character that is seen`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let state = DashboardState.random(&generator)
        let plain = DashboardRenderer(width: 120, height: 40, color: false).lines(state)
        let colored = DashboardRenderer(width: 120, height: 40, color: true).lines(state)
        #expect(colored.map(withoutColor) == plain)
    }

    @Test func `text from outside cannot send control sequences to the terminal`() {
        var generator = SeededGenerator(seed: 7)
        var state = DashboardState.random(&generator)
        state.events = [.sample(.failure, detail: "\u{1B}[2J\u{7}end\r\n\u{202E}")]
        let text = DashboardRenderer(width: 120, height: 60, color: false).lines(state).joined()
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
        #expect(text.contains("?[2J?end"))
    }

    @Test func `on 132 columns an instance shows all that there is`() {
        #expect(
            instanceLines(width: 132) == [
                "  id        readiness first command               P(5 s)          peak mem within 5 s, q10 to q90  "
                    + "   cpu     net in   gpu mem   gpu",
                "  i1        reserved  0.412 ms (reserved)  4/5             ▅ 50 % ·▒▒▒▒█▒▒▒▒ 7.3 MiB to 66.0 MiB   "
                    + "  0.42   3.0 MB/s  95.4 MiB   1 %",
            ])
    }

    @Test func `on 80 columns the forecast and the time to the first command are there, and telemetry as it fits`() {
        #expect(
            instanceLines(width: 80) == [
                "  id     readiness 1st command     P(5 s) peak mem in 5 s       cpu    net in",
                "  i1     reserved  0.412 ms  4/5   50 %   ▒▒▒▒█▒▒▒ 66.0 MiB    0.42  3.0 MB/s",
            ])
    }

    @Test func `on 80 columns no line of the heading, the pool and the totals is cut`() {
        var state = DashboardState(
            heading: .init(
                policy: "reactive", elapsed: .seconds(4_000), total: .seconds(86_400), note: "q or Ctrl-C ends the run",
                hints: [
                    "look: presync status --manager 127.0.0.1:40123",
                    "agent socket: \(String(repeating: "x", count: 60))",
                ]))
        state.update(.sample(instances: [.sample("i1", readiness: .reserved)]))
        let lines = DashboardRenderer(width: 80, height: 40, color: false).lines(state)
        for whole in [
            "q or Ctrl-C ends the run", "look: presync status --manager 127.0.0.1:40123", "x",
            "attached 1 · synthetic", "outcomes within the 80 % interval -, 95 % -",
        ] {
            #expect(lines.contains { $0.hasSuffix(whole) }, "\(whole) in \(lines)")
        }
    }

    private func instanceLines(width: Int) -> [String] {
        var state = DashboardState(heading: .init(policy: "presync"))
        state.update(.sample(instances: [.sample("i1", readiness: .reserved)]))
        var starts = DashboardState.Starts()
        (starts.count, starts.foundReserved) = (5, 4)
        (starts.lastFirstCommand, starts.lastFound) = (0.412, .reserved)
        state.starts[InstanceID(unchecked: "i1")] = starts
        let lines = DashboardRenderer(width: width, height: 40, color: false).lines(state)
        return Array((lines.split(separator: "INSTANCES").last ?? []).prefix(2))
    }

    @Test func `before the first answer the view says what it waits for`() {
        let state = DashboardState(heading: .init(policy: "reactive", elapsed: .seconds(65), total: .seconds(120)))
        let lines = DashboardRenderer(width: 80, height: 24, color: false).lines(state)
        #expect(lines.first == "presync · policy reactive · 01:05 of 02:00")
        #expect(lines.last == "Waiting for the manager's first answer.")
    }

    @Test func `a fan takes the rows that are free, and none of what else is there`() {
        var state = DashboardState(heading: .init(policy: "presync"))
        state.update(.sample(instances: [.sample("i1", readiness: .attached)]))
        state.events = (0..<40).map { .sample(.reserved, detail: "event \($0).") }
        let plain = DashboardRenderer(width: 80, height: 24, color: false).lines(state)
        state.fan = .sample("i1", second: 9, came: [1, 2, 3])
        for height in [4, 20, 24, 30] {
            let lines = DashboardRenderer(width: 80, height: height, color: false).lines(state)
            #expect(!lines.contains { $0.hasPrefix("FAN") }, "\(height)")
        }
        for height in [34, 40, 80] {
            let lines = DashboardRenderer(width: 80, height: height, color: false).lines(state)
            #expect(lines.contains { $0.hasPrefix("FAN i1 gpu memory · ends in 5/15/30 s: 0/0/0 %") }, "\(height)")
            let events = plain.firstIndex { $0.hasPrefix("EVENTS") } ?? 0
            #expect(Array(lines.prefix(events - 1)) == Array(plain.prefix(events - 1)))
            #expect(lines.count { $0.contains(" event ") } >= 6)
        }
    }

    @Test func `a fan is of the instance that the user chose, or of one of which something is to be seen`() {
        var state = DashboardState(heading: .init(policy: "presync"))
        let names = ["a", "b", "c"]
        func update(onsets: [Double], busy: [Bool] = [false, false, false]) {
            state.update(
                .sample(
                    instances: names.indices.map { index in
                        .sample(
                            names[index], readiness: .warm, onset: onsets[index], memory: busy[index] ? 1e8 : 0)
                    }))
        }
        #expect(state.focus == nil)
        state.chooseNext()
        update(onsets: [0.1, 0.6, 0.2])
        #expect(state.focus?.rawValue == "b")
        // It stays while there is anything to be seen of it, whatever comes elsewhere.
        state.fan = .sample("b", second: 9, came: [0, 5, 0])
        update(onsets: [0.9, 0, 0.2], busy: [true, false, false])
        #expect(state.focus?.rawValue == "b")
        state.fan = .sample("b", second: 9, came: [5] + Array(repeating: 0, count: 30))
        update(onsets: [0.2, 0, 0.2], busy: [false, false, true])
        #expect(state.focus?.rawValue == "c")
        state.chooseNext()
        #expect(state.focus?.rawValue == "a")
        update(onsets: [0, 0, 1])
        #expect(state.focus?.rawValue == "a")
        #expect(state.fan == nil)
        state.update(.sample(instances: [.sample("b", readiness: .warm)]))
        #expect(state.focus?.rawValue == "b")
    }

    @Test(arguments: 0..<10)
    func `without Unicode the view is the same in ASCII`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var state = DashboardState.random(&generator)
        state.fan = .sample("i0", second: 9, came: [1, 2, 3])
        let plain = DashboardRenderer(width: 100, height: 50, color: false).lines(state)
        let ascii = DashboardRenderer(width: 100, height: 50, color: false, unicode: false).lines(state)
        #expect(ascii.map(\.count) == plain.map(\.count))
        #expect(ascii.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } })
    }

    @Test func `the newest events are kept when rows are short`() {
        var state = DashboardState(heading: .init(policy: "presync"))
        state.events = (0..<40).map { .sample(.reserved, detail: "event \($0).") }
        let lines = DashboardRenderer(width: 80, height: 12, color: false).lines(state)
        #expect(lines.count <= 12)
        #expect(lines.last?.hasSuffix("event 39.") == true)
    }

    private func withoutColor(_ text: String) -> String {
        text.replacing(/\u{1B}\[[0-9]*m/, with: "")
    }
}

extension DashboardState {
    fileprivate static func random(_ generator: inout SeededGenerator) -> DashboardState {
        var state = DashboardState(heading: .init(policy: "presync", elapsed: .seconds(5), note: "warming up"))
        guard generator.chance(9, in: 10) else { return state }
        let words = ["", "wide 漢字", "\u{1B}[31m", String(repeating: "x", count: 300), "pthread-cpu", "e\u{301}"]
        let instances = (0..<generator.below(20)).map { index in
            InstanceOverview.sample(
                "i\(index)" + String(repeating: "y", count: Int(generator.below(100))),
                readiness: Readiness.allCases[Int(generator.below(5))],
                shortfall: generator.chance(1, in: 3) ? words[Int(generator.below(6))] : nil,
                onset: generator.unit(), memory: generator.unit() * 1e12)
        }
        for _ in 0..<generator.below(4) {
            state.update(.sample(instances: instances, model: words[Int(generator.below(6))]))
        }
        state.events = (0..<generator.below(50)).map { _ in
            .sample(
                FleetEvent.Kind.allCases[Int(generator.below(15))], detail: words[Int(generator.below(6))],
                unixMilliseconds: Int64(bitPattern: generator.next()))
        }
        return state
    }
}

extension RecordedEvent {
    fileprivate static func sample(
        _ kind: FleetEvent.Kind, detail: String, unixMilliseconds: Int64 = 0
    ) -> RecordedEvent {
        RecordedEvent(
            sequence: 1, recordedAtUnixMs: unixMilliseconds, event: FleetEvent(at: .zero, kind: kind, detail: detail))
    }
}

extension FleetOverview {
    fileprivate static func sample(instances: [InstanceOverview], model: String = "synthetic") -> FleetOverview {
        let device = DeviceDescription(
            id: DeviceID(server: GPUServerID(unchecked: "local"), index: 0), kind: .synthetic, model: model,
            vendor: "", driverVersion: "", apiVersion: "", memory: .gibibytes(4), computeUnits: 2, extensions: [])
        let use = DeviceOverview(
            description: device, available: true, reservedMemory: .gibibytes(1), reservedCompute: MilliShare(300),
            usedMemory: .mebibytes(700), usedCompute: MilliShare(90), warmSessions: 1, reservedSessions: 2,
            attachedSessions: 1)
        return FleetOverview(
            at: .zero, term: 1, instances: instances, devices: [use], totals: FleetTotals(),
            accuracy: AccuracyOverview())
    }
}

extension InstanceForecast {
    /// What is shown of an instance whose demand in the seconds up to `second` was `came`.
    static func sample(
        _ name: String, second: Int64, forecast: DemandForecast = DemandForecast(madeAt: .zero), came: [Float],
        past: [PastForecast] = []
    ) -> InstanceForecast {
        var instance = InstanceOverview.sample(name, readiness: .attached)
        instance.forecast = forecast
        instance.latest = LoadObservation(second: second, gpuMemory: Double(came.last ?? 0), gpuCompute: 0)
        return InstanceForecast(
            at: .zero, instance: instance, course: DemandCourse(memory: came, compute: came), past: past,
            accuracy: AccuracyOverview())
    }
}

extension InstanceOverview {
    fileprivate static func sample(
        _ name: String, readiness: Readiness, shortfall: String? = nil, onset: Double = 0.5, memory: Double = 1e8
    ) -> InstanceOverview {
        var forecast = DemandForecast(madeAt: .zero)
        forecast.onset[0] = Float(onset)
        let index = DemandForecast.curveIndex(.memory, .peak, .short)
        forecast.curves[index] = QuantileCurve { memory * Double($0) / 13 }
        return InstanceOverview(
            description: InstanceDescription(
                id: InstanceID(unchecked: name), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "sample")),
            agent: AgentID(unchecked: "a"), readiness: readiness, slice: .zero, device: nil,
            latest: LoadObservation(second: 0, gpuMemory: memory, gpuCompute: 10, cpuMilli: 420, networkIn: 3e6),
            source: .processTree, telemetryAge: .seconds(1), forecast: forecast, shortfall: shortfall)
    }
}
