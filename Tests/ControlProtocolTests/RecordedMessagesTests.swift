import FleetModel
import Foundation
import SwiftProtobuf
import Testing

@testable import ControlProtocol

/// Messages as released revisions of `presync.v1` wrote them: whatever is added later, they are read as before.
@Suite struct RecordedMessagesTests {
    private static var recorded: [(name: String, bytes: [UInt8])] {
        get throws {
            let path = URL(filePath: #filePath).deletingLastPathComponent().path + "/Recorded/presync-v1-1.txt"
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            return try lines.filter { !$0.hasPrefix("#") }.map { line in
                let words = line.split(separator: " ")
                try #require(words.count == 2)
                let digits = Array(words[1])
                let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                    UInt8(String(digits[$0...$0 + 1]), radix: 16)
                }
                try #require(bytes.count * 2 == digits.count)
                return (String(words[0]), bytes)
            }
        }
    }

    @Test func everyMessageIsReadWholeAndMeansTheSameWhenItIsWrittenAgain() throws {
        let recorded = try Self.recorded
        #expect(recorded.count == 35)
        for (name, bytes) in recorded {
            switch name.split(separator: ".")[0] {
            case "AgentEnvelope": try Self.check(WireAgentEnvelope.self, name, bytes)
            case "ManagerToAgentEnvelope": try Self.check(WireManagerToAgentEnvelope.self, name, bytes)
            case "GpuServerEnvelope": try Self.check(WireGpuServerEnvelope.self, name, bytes)
            case "ManagerToGpuServerEnvelope": try Self.check(WireManagerToGpuServerEnvelope.self, name, bytes)
            default: Issue.record("\(name) is of no kind")
            }
        }
    }

    private static func check<Envelope: LinkEnvelope & SwiftProtobuf.Message>(
        _ type: Envelope.Type, _ name: String, _ bytes: [UInt8]
    ) throws {
        let envelope = try Envelope(serializedBytes: bytes)
        #expect(envelope.unknownFields.data.isEmpty, "\(name)")
        let frame = try envelope.frame()
        let again: [UInt8] = try Envelope(frame).serializedBytes()
        #expect(try Envelope(serializedBytes: again).frame() == frame, "\(name)")
    }

    /// Fields may be added within a revision: who does not know them passes over them.
    @Test func aFieldOfALaterReleaseIsPassedOver() throws {
        let recorded = try Self.recorded
        let hello = try #require(recorded.first { $0.name == "AgentEnvelope.gpu_requested" })
        // Field 15 of the inner message, a varint: its length grows by 2.
        var bytes = hello.bytes + [0x78, 0x01]
        bytes[1] += 2
        let plain = try WireAgentEnvelope(serializedBytes: hello.bytes).frame()
        #expect(try WireAgentEnvelope(serializedBytes: bytes).frame() == plain)
    }
}
