import FleetModel
import Foundation
import Testing

@testable import Commands

@Suite struct PolicySummaryTests {
    @Test(
        arguments: [
            ([], 0.5, nil), ([3.0], 0.5, 3.0), ([1, 2, 3, 4], 0.5, 2), ([1, 2, 3], 0.99, 3), ([5, 1, 3], 0.01, 1),
        ] as [([Double], Double, Double?)])
    func `percentiles are nearest rank`(values: [Double], share: Double, expected: Double?) {
        #expect(Distribution.percentile(share, ofSorted: values.sorted()) == expected)
    }

    @Test func `no start is left out, and warm-up counts nowhere`() {
        let records = [
            BurstRecord.sample(phase: .warmUp, idleGap: nil, found: "reserved", firstCommand: 900),
            .sample(idleGap: 30, found: "reserved", firstCommand: 0.5),
            .sample(idleGap: 9, found: "warm", firstCommand: 12),
            .sample(idleGap: 1, found: "reserved", firstCommand: 0.7),
            .sample(idleGap: 40, found: nil, firstCommand: nil, error: "no device"),
        ]
        let summary = PolicySummary.sample(records)
        #expect(summary.starts == 4)
        #expect(summary.startsAfterIdle == 3)
        #expect(summary.readyBeforeRequest == 1)
        #expect(summary.timeToFirstCommandMs.ready == Distribution([0.5, 0.7]))
        #expect(summary.timeToFirstCommandMs.notReady == Distribution([12, nil]))
        #expect(summary.errors == 1)
    }

    @Test func `a start that never reached its first command counts, and stands above those that did`() {
        let split = PolicySummary.sample([
            .sample(idleGap: 9, found: "warm", firstCommand: 12), .sample(idleGap: 9, found: "warm", firstCommand: 20),
            .sample(idleGap: 9, found: nil, firstCommand: nil, error: "no device"),
        ]).timeToFirstCommandMs.notReady
        #expect(split.count == 3)
        #expect(split.p50 == 20)
        #expect(split.p99 == nil)
    }

    @Test func `a burst that has not ended is a start and an error`() {
        let summary = PolicySummary.sample([
            .sample(idleGap: 9, found: nil, firstCommand: nil, duration: nil)
        ])
        #expect(summary.starts == 1)
        #expect(summary.errors == 1)
        #expect(summary.timeToFirstCommandMs.notReady.count == 1)
    }

    @Test func `the JSON object has every key of the documented form, null where nothing is known`() throws {
        let report = RunReport(policies: [.sample([])], instances: 4, warmUp: 1, records: [])
        let text = try JSONText.encode(report)
        let split = #"{"notReady":{"count":0,"p50":null,"p99":null},"ready":{"count":0,"p50":null,"p99":null}}"#
        #expect(
            text == #"{"policies":[{"contention":0,"coverage":{"two80":null,"two95":null},"errors":0,"#
                + #""policy":"presync","readyBeforeRequest":0,"reservedIdleSeconds":0,"reservedSeconds":0,"starts":0,"#
                + #""startsAfterIdle":0,"timeToFirstCommandMs":\#(split),"timeToFirstKernelMs":\#(split),"#
                + #""usedSeconds":0}]}"#)
    }

    @Test func `totals of a run are what was counted since its start`() {
        var (before, after) = (FleetTotals(), FleetTotals())
        (before.requests, before.reservedIdleSeconds) = (4, 10)
        (after.requests, after.reservedIdleSeconds, after.contention) = (9, 25.5, 2)
        let difference = after.since(before)
        #expect(difference.requests == 5)
        #expect(difference.reservedIdleSeconds == 15.5)
        #expect(difference.contention == 2)
    }

    @Test func `the closing sentences say what was reached and what not`() {
        let presync = PolicySummary.sample([.sample(idleGap: 30, found: "reserved", firstCommand: 0.5)])
        var reactive = PolicySummary.sample([.sample(idleGap: 30, found: "staged", firstCommand: 400)])
        reactive.policy = "reactive"
        let report = RunReport(policies: [presync, reactive], instances: 4, warmUp: 1, records: [])
        let text = report.sentences().joined(separator: "\n")
        #expect(text.contains("1 of 1 (100 %) of the starts after an idle gap found the GPU reserved (reached"))
        #expect(text.contains("800 times as long (reached"))
        #expect(!text.contains("NOT"))
    }

    @Test func `a results file is read line by line while it grows`() throws {
        let path = NSTemporaryDirectory() + "/presync-results-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var reader = ResultsReader(path: path)
        #expect(reader.next().isEmpty)
        let record = BurstRecord.sample(idleGap: 3, found: "reserved", firstCommand: 1)
        try ResultsWriter(path: path).append(record)
        #expect(reader.next() == [record])
        #expect(reader.next().isEmpty)
        try ResultsWriter(path: path).append(record)
        #expect(reader.next() == [record])
        try ResultsWriter(path: path, emptied: true).close()
        var another = ResultsReader(path: path)
        #expect(another.next().isEmpty)
    }
}

extension BurstRecord {
    fileprivate static func sample(
        phase: Phase = .measured, idleGap: Double?, found: String?, firstCommand: Double?, error: String? = nil,
        duration: Double? = 1
    ) -> BurstRecord {
        var measured = BurstMeasurements()
        measured.foundReadiness = found
        measured.firstCommandMilliseconds = firstCommand
        measured.error = error
        let plan = BurstPlan(
            contextTokens: 1, generatedTokens: 1, payloadBytes: 1, payloadSeed: 1, cacheBytes: 1, secondsPerToken: 0)
        return BurstRecord(
            instance: "i1", index: 0, phase: phase, scheduledSeconds: 0, startedSeconds: 0, idleGapSeconds: idleGap,
            durationSeconds: duration, plan: plan, measured: measured)
    }
}

extension PolicySummary {
    fileprivate static func sample(_ records: [BurstRecord]) -> PolicySummary {
        PolicySummary(
            policy: "presync", records: records, idleThreshold: 4, totals: FleetTotals(), accuracy: AccuracyOverview(),
            measuredSeconds: 60)
    }
}
