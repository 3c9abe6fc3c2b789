import Dashboard
import FleetModel
import Foundation
import Testing

@testable import Commands

@Suite struct WhyViewTests {
    private let device = DeviceID(server: GPUServerID(unchecked: "gpu"), index: 0)

    private func told(
        _ decision: AllocationExplanation.Decision = .short, reason: String = "memory short by 128 MiB",
        change: SmallestChange? = nil
    ) -> AllocationExplanation {
        let missing = Slice(memory: .mebibytes(128), compute: .zero)
        return AllocationExplanation(
            instance: InstanceID(unchecked: "chat-1"), priority: .interactive, held: .warm, slice: .zero,
            device: device, wanted: .reserved, isAsked: false,
            needed: Slice(memory: .mebibytes(512), compute: MilliShare(30)), decision: decision, reason: reason,
            steps: [
                ExplainedStep(
                    level: .warm, horizonSeconds: 30, probability: 0.75, confidence: 0.5, bar: 0.25, share: 0.0015,
                    price: 0.0006, load: 0.5, savedMs: 37, weight: 4)
            ],
            devices: [
                ConsideredDevice(
                    device: device, verdict: .short, freeMemory: .mebibytes(384), freeCompute: MilliShare(900),
                    missing: missing, warmSessions: 16, isWarmFull: true)
            ], deviceCount: 3,
            reservations: [
                ConsideredReservation(
                    instance: InstanceID(unchecked: "batch-1"), grant: GrantID(rawValue: 7), device: device,
                    slice: missing, priorityClass: PriorityClass.batch.name, verdict: .takerMayNot)
            ], reservationCount: 1, change: change ?? .room(missing, device))
    }

    @Test func `sentences come first, then what was considered`() throws {
        let lines = try AnswerRenderer(format: .table).render(WhyView(told())).split(
            separator: "\n", omittingEmptySubsequences: false)
        let text = lines.joined(separator: " ").replacing("   ", with: " ")
        #expect(lines.first == "chat-1 (interactive) has: warm on gpu#0.")
        #expect(text.contains("More is wanted and not possible: memory short by 128 MiB."))
        #expect(text.contains("What would help: 128 MiB more memory free on gpu#0."))
        #expect(text.contains("short by 128 MiB") && text.contains("16, full") && text.contains("and 2 more devices"))
        #expect(text.contains("batch-1 g7") && text.contains("no: this instance's class may not take"))
    }

    @Test func `whole GiB are told as such, and nothing else is rounded to them`() throws {
        let whole = try AnswerRenderer(format: .table).render(WhyView(told(change: .quota(.gibibytes(100)))))
        #expect(whole.contains("100 GiB more in the quota of its tenant"))
        let odd = try AnswerRenderer(format: .table).render(WhyView(told(change: .quota(.mebibytes(1_536)))))
        #expect(odd.contains("1536 MiB more in the quota of its tenant"))
    }

    @Test func `all that is told is in the JSON`() throws {
        let text = try AnswerRenderer(format: .json).render(WhyView(told(change: .probability(0.25))))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["decision"] as? String == "short" && object["held"] as? String == "warm")
        #expect((object["steps"] as? [[String: Any]])?.first?["isJustified"] as? Bool == true)
        #expect((object["devices"] as? [[String: Any]])?.first?["verdict"] as? String == "short")
        #expect(object["deviceCount"] as? Int == 3)
        let change = try #require(object["smallestChange"] as? [String: Any])
        #expect(change["kind"] as? String == "probability" && change["probability"] as? Double == 0.25)
    }

    @Test func `an unknown name comes with those that it may be`() {
        let near = WhyCommand.unknown("caht-1", [InstanceID(unchecked: "chat-1"), InstanceID(unchecked: "chat-2")])
        #expect(near.status == .failure && near.advice == "perhaps one of these is meant: chat-1, chat-2")
        #expect(WhyCommand.unknown("x", []).advice.contains("presync instances"))
    }
}
