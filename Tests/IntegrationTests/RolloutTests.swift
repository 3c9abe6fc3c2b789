import FleetModel
import Foundation
import Testing

extension LiveSystemTests {
    /// Rollouts of real interface versions, while programs compute.
    @Suite(.serialized) struct RolloutTests {
        /// A burst of `presync sample` in its own words.
        private struct Burst: Decodable {
            struct Measured: Decodable {
                var checks: Int
                var checksFailed: Int
                var error: String?
            }
            var measured: Measured?
        }

        @Test func `a rollout goes through, and programs that run all the while notice nothing`() async throws {
            try await LiveFleet.run(.rollouts) { fleet in
                let samples = try (1...2).map { try fleet.startSample(on: "i\($0)", seed: $0, for: .seconds(40)) }
                try await fleet.publishCurrent()
                // Without the gate on command rates: on a busy machine each self-test measures another.
                try await fleet.presync([
                    "rollout", "start", "0.1.0", "--canary", "50%", "--batch", "50%", "--soak", "0.5s", "--sessions",
                    "1", "--gate", "command-rate=off",
                ])
                let rollout = try await fleet.rolloutHasEnded()
                #expect(rollout.phase == .completed, "\(rollout.reason)")
                #expect(rollout.admitted == 2 && rollout.eligible == 2)
                for sample in samples {
                    let end = try await eventually("the sample has ended", within: .seconds(120)) { sample.poll() }
                    #expect(end == .exited(0))
                    let bursts = try sample.output.split(separator: "\n").map {
                        try JSONDecoder().decode(Burst.self, from: Data($0.utf8))
                    }.compactMap(\.measured)
                    #expect(bursts.count > 3)
                    #expect(bursts.allSatisfy { $0.checks > 0 && $0.checksFailed == 0 && $0.error == nil }, "\(bursts)")
                }
                for fault in ["failed", "killed", "vanished", "overran"] {
                    #expect(try await fleet.workersEnded(["worker": fault]) == 0, "\(fault)")
                }
                let metrics = try await fleet.metrics(of: .manager)
                #expect(metrics.total("presync_rollout_phase", ["version": "0.1.0", "phase": "completed"]) == 1)
                #expect(metrics.total("presync_rollouts_ended_total", ["outcome": "rolled-back"]) ?? 0 == 0)
            }
        }

        /// It is of no use to a program, and stands every self-test.
        private static let crashing = """
            #!/bin/sh
            case " $* " in
            *" --instance self-test "*) ;;
            *) (sleep 1.2; kill -KILL $$) </dev/null >/dev/null 2>&1 & ;;
            esac
            exec WORKER "$@"
            """

        @Test func `a version whose workers crash is rolled back, and who has not got it notices nothing`() async throws
        {
            try await LiveFleet.run(.rollouts) { fleet in
                try await fleet.publishCurrent(worker: Self.crashing)
                try await fleet.presync([
                    "rollout", "start", "0.1.0", "--canary", "50%", "--soak", "60s", "--sessions", "1000",
                    "--gate", "command-rate=off",
                ])
                // Programs that come, one after the other, on both instances, one of which is a canary.
                var failed: [String: [String]] = [:]
                let begin = ContinuousClock.now
                while try await fleet.newestRollout()?.phase.isTerminal == false,
                    ContinuousClock.now - begin < .seconds(120)
                {
                    let programs = try ["i1", "i2"].map { ($0, try fleet.startProgram(on: $0, tokens: 40)) }
                    for (instance, program) in programs {
                        let (end, said) = try await program.end()
                        if end != .exited(0) || said?.error != nil {
                            failed[instance, default: []].append("\(end): \(said?.error ?? "no word")")
                        }
                        #expect(said?.checksFailed ?? 0 == 0)
                    }
                }
                let rollout = try await fleet.rolloutHasEnded()
                #expect(rollout.phase == .rolledBack)
                #expect(rollout.reason.wholeMatch(of: /crashes: \d+ of \d+, 0 of \d+ of the version before/) != nil)
                #expect(failed.count <= 1, "only a canary's programs may fail: \(failed)")
                #expect(try await fleet.workersEnded(["worker": "killed", "reason": "server-failed"]) >= 2)
                for instance in ["i1", "i2"] { try await fleet.startProgram(on: instance, tokens: 40).succeed() }
                let metrics = try await fleet.metrics(of: .manager)
                #expect(metrics.total("presync_rollouts_ended_total", ["outcome": "rolled-back"]) == 1)
            }
        }

        /// It answers every command and computes nothing: a made-up device takes the place of the real one.
        private static let wrong = """
            #!/bin/sh
            for argument do
                shift
                [ "$previous" = --selector ] && argument=synthetic
                set -- "$@" "$argument"
                previous=$argument
            done
            exec WORKER "$@"
            """

        @Test func `a version that computes wrongly is rolled back before a program gets it`() async throws {
            try await LiveFleet.run(.rollouts) { fleet in
                let program = try fleet.startProgram(on: "i1", tokens: 160)
                try await fleet.publishCurrent(worker: Self.wrong)
                try await fleet.presync(["rollout", "start", "0.1.0", "--canary", "100%", "--soak", "1s"])
                let rollout = try await fleet.rolloutHasEnded()
                #expect(rollout.phase == .rolledBack)
                #expect(rollout.reason == "self-tests: none of 1 passed")
                try await program.succeed()
                try await fleet.startProgram(on: "i1", tokens: 3).succeed()
            }
        }
    }
}
