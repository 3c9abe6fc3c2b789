import SwiftProtobuf
import Testing

@testable import ControlProtocol

/// Whatever an envelope says, it is refused or means something; and what it means is written so that it is read again as
/// the same.
@Suite struct EnvelopeMutationTests {
    /// How many of the changed messages were taken, and how many refused.
    private struct Outcome {
        var taken = 0
        var refused = 0
    }

    private func check<Envelope: LinkEnvelope>(
        _ type: Envelope.Type, seed: UInt64, _ make: (inout ProtocolSamples) -> Envelope.Body
    ) throws -> Outcome {
        var samples = ProtocolSamples(seed: seed)
        var mutator = ProtobufMutator(seed: seed ^ 0xF0)
        var outcome = Outcome()
        for _ in 0..<2_500 {
            let bytes: [UInt8] = try Envelope(.message(make(&samples))).serializedBytes()
            guard let changed = mutator.mutated(bytes) else {
                Issue.record("written as no message")
                break
            }
            guard let envelope = try? Envelope(serializedBytes: changed), let frame = try? envelope.frame() else {
                outcome.refused += 1
                continue
            }
            outcome.taken += 1
            let again: [UInt8] = try Envelope(frame).serializedBytes()
            let reread = try Envelope(serializedBytes: again).frame()
            #expect(reread == frame)
        }
        return outcome
    }

    @Test(arguments: [1, 2] as [UInt64])
    func whatIsTakenIsReadAgainAsTheSame(seed: UInt64) throws {
        let outcomes = [
            try check(WireAgentEnvelope.self, seed: seed) { $0.agentMessage() },
            try check(WireManagerToAgentEnvelope.self, seed: seed) { $0.managerToAgentMessage() },
            try check(WireGpuServerEnvelope.self, seed: seed) { $0.gpuServerMessage() },
            try check(WireManagerToGpuServerEnvelope.self, seed: seed) { $0.managerToGPUServerMessage() },
        ]
        for outcome in outcomes { #expect(outcome.taken > 250 && outcome.refused > 250, "\(outcome)") }
    }
}
