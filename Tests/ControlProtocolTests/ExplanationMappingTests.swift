import ControlProtocol
import FleetModel
import SwiftProtobuf
import Testing

@Suite struct ExplanationMappingTests {
    private static let device = DeviceID(server: GPUServerID(unchecked: "gpu"), index: 1)
    private static let slice = Slice(memory: .mebibytes(512), compute: MilliShare(300))

    /// Every case of every enumeration stands somewhere in these.
    private func explanation(_ number: Int) -> AllocationExplanation {
        func pick<Value>(_ values: [Value]) -> Value { values[number % values.count] }
        return AllocationExplanation(
            instance: InstanceID(unchecked: "chat-1"), priority: pick(PriorityClass.builtIn), held: .warm,
            slice: .zero, device: number.isMultiple(of: 2) ? Self.device : nil, wanted: .reserved,
            isAsked: number.isMultiple(of: 3), needed: Self.slice,
            decision: pick(AllocationExplanation.Decision.allCases),
            reason: "memory short by 128 MiB",
            steps: [
                ExplainedStep(
                    level: .reserved, horizonSeconds: pick([1, 5, 15, 30]), probability: 0.5, confidence: 0.75,
                    bar: 1.5, share: 0.25, price: 0.0006, load: 0.875, savedMs: 4, weight: 2)
            ],
            devices: [
                ConsideredDevice(
                    device: Self.device, verdict: pick(ConsideredDevice.Verdict.allCases), freeMemory: .gibibytes(1),
                    freeCompute: MilliShare(-20), missing: Self.slice, warmSessions: 16, isWarmFull: true)
            ], deviceCount: 400,
            reservations: [
                ConsideredReservation(
                    instance: InstanceID(unchecked: "batch-1"), grant: GrantID(rawValue: 7), device: Self.device,
                    slice: Self.slice, priorityClass: PriorityClass.batch.name,
                    verdict: pick(ConsideredReservation.Verdict.allCases))
            ], reservationCount: 90,
            change: pick([
                .nothing, .room(Self.slice, Self.device), .available(Self.device), .device(Self.slice), .sharedVersion,
                .probability(0.25), .request, .quota(.mebibytes(3)), .idleBudget(.mebibytes(4)),
            ]))
    }

    @Test(arguments: 0..<30)
    func anExplanationSurvivesTheWire(number: Int) throws {
        let answer = ExplanationAnswer(explanation: explanation(number))
        #expect(try ExplanationAnswer(wire: answer.wire) == answer)
    }

    @Test func namesSurviveTheWireAndAreBounded() throws {
        var answer = ExplanationAnswer(nearest: (0..<5).map { InstanceID(unchecked: "i\($0)") })
        #expect(try ExplanationAnswer(wire: answer.wire) == answer)
        answer.nearest.append(InstanceID(unchecked: "i5"))
        let error = #expect(throws: ProtocolError.self) { try ExplanationAnswer(wire: answer.wire) }
        #expect(error == ProtocolError("nearest", .tooMany(limit: 5)))
    }

    @Test func aSpoiledExplanationIsRefused() {
        var wire = ExplanationAnswer(explanation: explanation(1)).wire
        wire.explanation.steps[0].probability = 1.5
        let range = #expect(throws: ProtocolError.self) { try ExplanationAnswer(wire: wire) }
        #expect(range == ProtocolError("explanation.steps[0].probability", .outOfRange))
        wire.explanation.steps = []
        wire.explanation.devices = Array(repeating: wire.explanation.devices[0], count: 257)
        let limit = #expect(throws: ProtocolError.self) { try ExplanationAnswer(wire: wire) }
        #expect(limit == ProtocolError("explanation.devices", .tooMany(limit: 256)))
        wire.explanation.devices = []
        wire.explanation.change = .with { $0.kind = .room }
        let missing = #expect(throws: ProtocolError.self) { try ExplanationAnswer(wire: wire) }
        #expect(missing == ProtocolError("explanation.change.slice", .missing))
    }
}
