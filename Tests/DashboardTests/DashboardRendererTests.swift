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
        state.events = [FleetEvent(at: .zero, kind: .failure, detail: "\u{1B}[2J\u{7}end\r\n\u{202E}")]
        let text = DashboardRenderer(width: 120, height: 60, color: false).lines(state).joined()
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
        #expect(text.contains("?[2J?end"))
    }

    @Test func `an instance shows its readiness and what its last start met`() {
        var state = DashboardState(heading: .init(policy: "presync"))
        state.update(.sample(instances: [.sample("i1", readiness: .reserved)]))
        var starts = DashboardState.Starts()
        (starts.count, starts.foundReserved) = (5, 4)
        (starts.lastFirstCommand, starts.lastFound) = (0.412, .reserved)
        state.starts[InstanceID(unchecked: "i1")] = starts
        let line = DashboardRenderer(width: 140, height: 40, color: false).lines(state).first { $0.contains("i1") }
        #expect(line?.contains("reserved") == true)
        #expect(line?.contains("0.412 ms (reserved)  4/5") == true)
    }

    @Test func `before the first answer the view says what it waits for`() {
        let state = DashboardState(heading: .init(policy: "reactive", elapsed: .seconds(65), total: .seconds(120)))
        let lines = DashboardRenderer(width: 80, height: 24, color: false).lines(state)
        #expect(lines.first == "presync · policy reactive · 01:05 of 02:00")
        #expect(lines.last == "Waiting for the manager's first answer.")
    }

    @Test func `the newest events are kept when rows are short`() {
        var state = DashboardState(heading: .init(policy: "presync"))
        state.events = (0..<40).map { FleetEvent(at: .zero, kind: .reserved, detail: "event \($0).") }
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
            FleetEvent(
                at: MonotonicTime(rawValue: Int64(generator.below(1 << 50))),
                kind: FleetEvent.Kind.allCases[Int(generator.below(15))], detail: words[Int(generator.below(6))])
        }
        return state
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
