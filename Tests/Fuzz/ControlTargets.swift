import Determinism
import FleetModel
import SwiftProtobuf
import WorkerControl

@testable import ControlProtocol

/// What daemons tell each other, and a GPU server and its workers.
extension FuzzTarget {
    static let agentMessage = envelopes("agent-message", WireAgentEnvelope.self) { $0.agentMessage() }
    static let toAgentMessage = envelopes("to-agent-message", WireManagerToAgentEnvelope.self) {
        $0.managerToAgentMessage()
    }
    static let gpuServerMessage = envelopes("gpu-server-message", WireGpuServerEnvelope.self) { $0.gpuServerMessage() }
    static let toGPUServerMessage = envelopes("to-gpu-server-message", WireManagerToGpuServerEnvelope.self) {
        $0.managerToGPUServerMessage()
    }

    /// What an envelope means is written so that it is read again as the same.
    private static func envelopes<Envelope: LinkEnvelope>(
        _ name: String, _ type: Envelope.Type, _ make: @escaping @Sendable (inout ProtocolSamples) -> Envelope.Body
    ) -> FuzzTarget {
        FuzzTarget(name: name) {
            var samples = ProtocolSamples(seed: 1)
            return (0..<100).compactMap { _ in try? Envelope(.message(make(&samples))).serializedBytes() }
        } run: { bytes in
            guard let frame = try? Envelope(serializedBytes: bytes).frame() else { return }
            guard let again: [UInt8] = try? Envelope(frame).serializedBytes(),
                let reread = try? Envelope(serializedBytes: again).frame()
            else { preconditionFailure("written so that it is not read") }
            precondition(reread == frame, "written otherwise than read")
        }
    }

    /// A line, which ends before the line feed.
    static let workerCommand = FuzzTarget(name: "worker-command") {
        [
            WorkerCommand.ticket(SessionTicket(high: .max, low: 0)), .identify, .reportStatus, .share, .terminate,
            .setLimit(Slice(memory: .mebibytes(9), compute: MilliShare(125)), Epoch(term: 3, counter: 44)),
        ].map { Array($0.encoded.dropLast()) }
    } run: { bytes in
        guard let command = WorkerCommand(line: bytes) else { return }
        precondition(WorkerCommand(line: command.encoded.dropLast()) == command, "written otherwise than read")
    }

    static let workerAnswer = FuzzTarget(name: "worker-answer") {
        let slice = Slice(memory: .mebibytes(9), compute: MilliShare(125))
        let epoch = Epoch(term: 3, counter: 44)
        let usage = SessionUsage(
            commands: 5, received: Bytes(6), sent: Bytes(7), queueDepth: 8, capabilities: ["kernel-output"])
        return [
            WorkerAnswer.identity(
                WorkerIdentity(
                    grant: GrantID(rawValue: 7), instance: InstanceID(unchecked: "a/b"),
                    device: DeviceID(server: GPUServerID(unchecked: "s"), index: 3), epoch: epoch, slice: slice,
                    endpoint: SessionEndpoint(host: "2001:db8::1", port: 65_535), attached: true)),
            .failed("100 % wrong:\nKernel = Ü"), .limit(slice, epoch), .limitRefused(seen: epoch),
            .status(
                WorkerReport(
                    attached: false, connected: true, peakMemory: Bytes(1), busy: .nanoseconds(17), traffic: true,
                    usage: usage)),
        ].map { Array($0.encoded.dropLast()) }
    } run: { bytes in
        // What was left out of a line makes it longer when it is written.
        guard bytes.count <= 1_900, let answer = WorkerAnswer(line: bytes) else { return }
        precondition(WorkerAnswer(line: answer.encoded.dropLast()) == answer, "written otherwise than read")
        guard case .status(let report) = answer else { return }
        // A GPU server adds them up, for as long as it hears of no manager.
        var sum = SessionUsage()
        for _ in 0..<4 { sum = sum + report.usage }
    }
}
