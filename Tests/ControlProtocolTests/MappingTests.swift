import Determinism
import FleetModel
import SwiftProtobuf
import Testing

@testable import ControlProtocol

/// What is sent is what is received, through the encoded bytes.
struct RoundTripTests {
    /// Encodes the message, decodes the bytes, and reads the message again.
    private func roundTrip<Envelope: LinkEnvelope>(
        _ type: Envelope.Type, _ body: Envelope.Body
    ) throws -> LinkFrame<Envelope.Body> {
        let bytes: [UInt8] = try Envelope(.message(body)).serializedBytes()
        return try Envelope(serializedBytes: bytes).frame()
    }

    @Test func everyAgentMessage() throws {
        var samples = ProtocolSamples(seed: 1)
        for _ in 0..<400 {
            let message = samples.agentMessage()
            #expect(try roundTrip(WireAgentEnvelope.self, message) == .message(message))
        }
    }

    @Test func everyMessageToAnAgent() throws {
        var samples = ProtocolSamples(seed: 2)
        for _ in 0..<400 {
            let message = samples.managerToAgentMessage()
            #expect(try roundTrip(WireManagerToAgentEnvelope.self, message) == .message(message))
        }
    }

    @Test func everyGPUServerMessage() throws {
        var samples = ProtocolSamples(seed: 3)
        for _ in 0..<400 {
            let message = samples.gpuServerMessage()
            #expect(try roundTrip(WireGpuServerEnvelope.self, message) == .message(message))
        }
    }

    @Test func everyMessageToAGPUServer() throws {
        var samples = ProtocolSamples(seed: 4)
        for _ in 0..<400 {
            let message = samples.managerToGPUServerMessage()
            #expect(try roundTrip(WireManagerToGpuServerEnvelope.self, message) == .message(message))
        }
    }

    @Test(arguments: [true, false])
    func keepAlives(reply: Bool) throws {
        #expect(try WireAgentEnvelope(.keepAlive(reply: reply)).frame() == .keepAlive(reply: reply))
        #expect(try WireManagerToGpuServerEnvelope(.keepAlive(reply: reply)).frame() == .keepAlive(reply: reply))
    }

    @Test func events() throws {
        var samples = ProtocolSamples(seed: 5)
        for sequence in 1...200 as ClosedRange<UInt64> {
            let event = RecordedEvent(sequence: sequence, recordedAtUnixMs: 1_764_000_000_000, event: samples.event())
            let bytes: [UInt8] = try event.wire.serializedBytes()
            #expect(try RecordedEvent(wire: WireRecordedEvent(serializedBytes: bytes)) == event)
        }
    }

    @Test func observations() throws {
        let sparse = LoadObservation(second: 7, gpuMemory: 1e9, gpuCompute: 250)
        let full = LoadObservation(
            second: 8, gpuMemory: 0, gpuCompute: 0, cpuMilli: 1, hostMemory: 2, networkIn: 3, networkOut: 4,
            workInFlight: 5)
        for load in [sparse, full] {
            let observation = InstanceObservation(
                instance: InstanceID(unchecked: "i"), application: ApplicationType(unchecked: "chat"), load: load)
            let bytes: [UInt8] = try observation.wire.serializedBytes()
            #expect(try InstanceObservation(wire: WireInstanceObservation(serializedBytes: bytes)) == observation)
        }
    }

    @Test func forecasts() throws {
        var samples = ProtocolSamples(seed: 6)
        for _ in 0..<50 {
            let forecast = samples.forecast()
            let read = try DemandForecast(wire: forecast.wire)
            #expect(read.madeAt == forecast.madeAt)
            #expect(read.horizons == forecast.horizons)
            for index in 0..<DemandForecast.curveCount { #expect(read.curves[index] == forecast.curves[index]) }
            for index in 0..<3 {
                #expect(read.onset[index] == forecast.onset[index])
                #expect(read.ending[index] == forecast.ending[index])
            }
        }
    }

    @Test func aForecastOfAManagerThatKnowsNoEndingsIsRead() throws {
        var samples = ProtocolSamples(seed: 11)
        var wire = samples.forecast().wire
        wire.ending = []
        let read = try DemandForecast(wire: wire)
        for horizon in ForecastHorizon.allCases { #expect(read.endingProbability(within: horizon) == 0) }
    }

    @Test func `a manager that names no horizons looks 5, 15 and 30 s ahead, and none that cannot be are read`() throws
    {
        var samples = ProtocolSamples(seed: 14)
        var wire = samples.forecast().wire
        wire.horizonSeconds = []
        #expect(try DemandForecast(wire: wire).horizons.all == [5, 15, 30])
        for seconds in [[5, 15], [5, 15, 31], [30, 15, 5], [0, 1, 2], [1, .max, 3]] as [[UInt32]] {
            wire.horizonSeconds = seconds
            #expect(throws: ProtocolError("horizon_seconds", .outOfRange)) { try DemandForecast(wire: wire) }
        }
    }

    @Test func accuracy() throws {
        var samples = ProtocolSamples(seed: 12)
        for _ in 0..<100 {
            let accuracy = samples.accuracy()
            let bytes: [UInt8] = try accuracy.wire.serializedBytes()
            #expect(try AccuracyOverview(wire: WireAccuracyOverview(serializedBytes: bytes)) == accuracy)
        }
    }

    @Test func forecastsOfOneInstance() throws {
        var samples = ProtocolSamples(seed: 13)
        for _ in 0..<40 {
            let shown = samples.instanceForecast()
            let bytes: [UInt8] = try shown.wire.serializedBytes()
            let read = try InstanceForecast(wire: WireInstanceForecast(serializedBytes: bytes))
            #expect(read.at == shown.at)
            #expect(read.course == shown.course)
            #expect(read.past == shown.past)
            #expect(read.accuracy == shown.accuracy)
            #expect(read.instance.description == shown.instance.description)
            #expect(read.instance.latest == shown.instance.latest)
            #expect(read.instance.trust == shown.instance.trust)
        }
    }

    @Test func textsAreCutToWhatThePeerAccepts() throws {
        let reason = String(repeating: "ä", count: 2_000)
        let sent = ManagerToAgentMessage.requestRefused(RequestID(rawValue: 1), reason: reason)
        guard case .message(.requestRefused(_, let read)) = try roundTrip(WireManagerToAgentEnvelope.self, sent) else {
            Issue.record("another message came back")
            return
        }
        #expect(read == String(repeating: "ä", count: ProtocolLimits.reasonBytes / 2))
    }
}

/// What a peer must not send is refused, with the field named.
struct ValidationTests {
    /// A valid message of each kind, spoiled in one field.
    private static let agentCases: [(WireAgentEnvelope, ProtocolError)] = [
        (WireAgentEnvelope(), ProtocolError("body", .missing)),
        (.with { $0.hello.agent = "" }, ProtocolError("hello.agent", .missing)),
        (.with { $0.hello.agent = "two words" }, ProtocolError("hello.agent", .malformed)),
        (
            .with {
                $0.hello.agent = "a"
                $0.hello.softwareVersion = String(repeating: "x", count: 65)
            }, ProtocolError("hello.software_version", .tooLong(limit: 64))
        ),
        (
            .with { $0.report.telemetry = [.with { $0.instance = "i" }] },
            ProtocolError("report.telemetry[0].source", .missing)
        ),
        (
            .with {
                $0.report.telemetry = [
                    .with {
                        $0.instance = "i"
                        $0.source = .UNRECOGNIZED(99)
                    }
                ]
            }, ProtocolError("report.telemetry[0].source", .unknownValue(99))
        ),
        (sample { $0.cpuMilli = .nan }, ProtocolError("report.telemetry[0].samples[0].cpu_milli", .outOfRange)),
        (
            sample { $0.networkInRate = -.infinity },
            ProtocolError("report.telemetry[0].samples[0].network_in_rate", .outOfRange)
        ),
        (sample { $0.memoryBytes = -1 }, ProtocolError("report.telemetry[0].samples[0].memory_bytes", .outOfRange)),
        (
            sample { $0.gpuComputeMilli = 1_001 },
            ProtocolError("report.telemetry[0].samples[0].gpu_compute_milli", .outOfRange)
        ),
        (sample { $0.userIdleNs = .min }, ProtocolError("report.telemetry[0].samples[0].user_idle_ns", .outOfRange)),
        (sample(count: 65) { _ in }, ProtocolError("report.telemetry[0].samples", .tooMany(limit: 64))),
        (
            .with { $0.heartbeat.held = [WireHeldSession()] }, ProtocolError("heartbeat.held[0].epoch", .missing)
        ),
        (
            .with { $0.heartbeat.held = Array(repeating: WireHeldSession(), count: ProtocolLimits.grants + 1) },
            ProtocolError("heartbeat.held", .tooMany(limit: ProtocolLimits.grants))
        ),
        (.with { $0.instanceChanged = .init() }, ProtocolError("instance_changed.instance", .missing)),
        (.with { $0.acknowledged = .init() }, ProtocolError("acknowledged.outcome", .missing)),
        (
            .with {
                $0.acknowledged.ready = .init()
                $0.acknowledged.epoch.counter = 1 << 62
            }, ProtocolError("acknowledged.epoch.counter", .outOfRange)
        ),
        (.with { $0.interfaceInstalled.kind = "opencl" }, ProtocolError("interface_installed.version", .malformed)),
    ]

    private static func sample(
        count: Int = 1, _ spoil: @escaping (inout WireTelemetrySample) -> Void
    ) -> WireAgentEnvelope {
        .with {
            $0.report.telemetry = [
                .with {
                    $0.instance = "i"
                    $0.source = .host
                    $0.samples = (0..<count).map { _ in .with(spoil) }
                }
            ]
        }
    }

    @Test(arguments: agentCases.indices)
    func aSpoiledAgentMessageIsRefused(index: Int) {
        let (envelope, expected) = Self.agentCases[index]
        let error = #expect(throws: ProtocolError.self) { try envelope.frame() }
        #expect(error == expected)
    }

    @Test func aServerListsItsOwnDevicesInOrder() {
        var samples = ProtocolSamples(seed: 7)
        let server = GPUServerID(unchecked: "gpu")
        var hello = GPUServerHello(
            server: server, softwareVersion: "1",
            devices: [samples.deviceDescription(DeviceID(server: server, index: 1))])
        let order = #expect(throws: ProtocolError.self) { try GPUServerHello(wire: hello.wire) }
        #expect(order == ProtocolError("devices[0].id", .outOfRange))
        hello.devices = [samples.deviceDescription(DeviceID(server: GPUServerID(unchecked: "other"), index: 0))]
        let owner = #expect(throws: ProtocolError.self) { try GPUServerHello(wire: hello.wire) }
        #expect(owner == ProtocolError("devices[0].id", .outOfRange))
        (hello.devices, hello.host.processors) = ([], 0)
        let none = #expect(throws: ProtocolError.self) { try GPUServerHello(wire: hello.wire) }
        #expect(none == ProtocolError("host_processors", .outOfRange))
    }

    /// What a manager's answer must not say, and the field that is named.
    private static let forecastCases: [(@Sendable (inout WireInstanceForecast) -> Void, ProtocolError)] = [
        ({ $0.memoryBytes = Array(repeating: 1, count: 61) }, ProtocolError("memory_bytes", .tooMany(limit: 60))),
        ({ $0.computeMilli.append(1) }, ProtocolError("compute_milli", .outOfRange)),
        (
            {
                $0.memoryBytes = [1, .nan]
                $0.computeMilli = [1, 1]
            }, ProtocolError("memory_bytes[1]", .outOfRange)
        ),
        ({ $0.past = [.with { $0.quantiles = [1] }] }, ProtocolError("past[0].quantiles", .outOfRange)),
        ({ $0.instance.trust = .with { $0.scored = 1 } }, ProtocolError("instance.trust.basis", .missing)),
        ({ $0.accuracy.cells = [WireAccuracyCell()] }, ProtocolError("accuracy.cells", .outOfRange)),
        (
            {
                $0.accuracy.cells = (0..<12).map { _ in WireAccuracyCell() }
                $0.accuracy.cells[3].coverage95 = 1.5
            }, ProtocolError("accuracy.cells[3].coverage95", .outOfRange)
        ),
        (
            { $0.accuracy.applications = [.with { $0.application = "a" }] },
            ProtocolError("accuracy.applications[0].trust", .missing)
        ),
    ]

    @Test(arguments: forecastCases.indices)
    func aSpoiledForecastIsRefused(index: Int) {
        let (spoil, expected) = Self.forecastCases[index]
        var samples = ProtocolSamples(seed: 14)
        var wire = samples.instanceForecast().wire
        spoil(&wire)
        let error = #expect(throws: ProtocolError.self) { try InstanceForecast(wire: wire) }
        #expect(error == expected)
    }

    @Test func aNotificationOfAnotherLevelIsRefused() {
        let envelope = WireManagerToAgentEnvelope.with { $0.allocation.level = .attached }
        let error = #expect(throws: ProtocolError.self) { try envelope.frame() }
        #expect(error == ProtocolError("allocation.level", .outOfRange))
    }
}

/// Whatever bytes come: an error or a value, never a crash.
struct DecodingFuzzTests {
    private func survive<Envelope: LinkEnvelope>(_ type: Envelope.Type, _ bytes: [UInt8]) {
        guard let envelope = try? Envelope(serializedBytes: bytes) else { return }
        _ = try? envelope.frame()
    }

    @Test func randomBytes() {
        var random = SeededGenerator(seed: 8)
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            survive(WireAgentEnvelope.self, bytes)
            survive(WireManagerToAgentEnvelope.self, bytes)
            survive(WireGpuServerEnvelope.self, bytes)
            survive(WireManagerToGpuServerEnvelope.self, bytes)
        }
    }

    @Test func damagedMessages() throws {
        var samples = ProtocolSamples(seed: 9)
        var random = SeededGenerator(seed: 10)
        func damaged(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0...random.below(3) where !bytes.isEmpty {
                bytes[Int(random.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
            }
            return random.chance(1, in: 4) ? Array(bytes.prefix(Int(random.below(UInt64(bytes.count + 1))))) : bytes
        }
        for _ in 0..<3_000 {
            survive(
                WireAgentEnvelope.self,
                damaged(try WireAgentEnvelope(.message(samples.agentMessage())).serializedBytes()))
            survive(
                WireGpuServerEnvelope.self,
                damaged(try WireGpuServerEnvelope(.message(samples.gpuServerMessage())).serializedBytes()))
            survive(
                WireManagerToAgentEnvelope.self,
                damaged(try WireManagerToAgentEnvelope(.message(samples.managerToAgentMessage())).serializedBytes()))
        }
    }
}
