import ControlLoop
import ControlProtocol
import FleetModel
import Testing
import WorkerControl

@testable import GPUServerRuntime

/// A worker is its tenant's as soon as that has broken out of the driver: nothing that it says may cost the other tenants
/// their GPU server, or that its manager.
@Suite("Whatever a worker claims")
struct WorkerClaimTests {
    private static let numbers = [
        "-1", "0", "1000", "1001", "281474976710656", "281474976710657", "562949953421312", "9223372036854775807",
        "18446744073709551615", "4611686018427387904.1", "1.4611686018427387903",
    ]
    private static let texts = [
        "", "%20", "%0A", String(repeating: "h", count: 253), String(repeating: "h", count: 254),
        (0..<100).map { "capability-\($0)" }.joined(separator: ","), String(repeating: "c", count: 65),
    ]

    private static func answers(_ line: String) -> [WorkerAnswer] {
        let words = line.split(separator: " ").map(String.init)
        return words.indices.dropFirst().flatMap { index in
            (numbers + texts).compactMap { value in
                var changed = words
                changed[index] = "\(words[index].prefix { $0 != "=" })=\(value)"
                return WorkerAnswer(line: Array(changed.joined(separator: " ").utf8))
            }
        }
    }

    @Test("of its use, the manager takes the heartbeat that says so")
    func use() throws {
        let line =
            "status attached=true connected=true peak=1 busy-ns=17 traffic=true commands=5 received=6 sent=7 depth=8 uses=a"
        let answers = Self.answers(line)
        #expect(answers.count > 30)
        for case .status(let report) in answers {
            var usage = SessionUsage()
            for _ in 0..<40 { usage = usage + report.usage }
            let held = HeldGrant(
                grant: GrantID(rawValue: 7), instance: InstanceID(unchecked: "i"),
                device: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), epoch: Epoch(term: 1, counter: 1),
                level: .attached, slice: .zero, endpoint: nil, usedMemory: report.peakMemory,
                usedCompute: .wholeDevice, activity: SessionActivity(usage, in: .zero))
            #expect(throws: Never.self, "\(report)") { try HeldGrant(wire: held.wire) }
        }
    }

    @Test("of its name, the manager takes the hello of a GPU server that takes it up")
    func identity() throws {
        let line =
            "identity grant=7 instance=i server=s device=0 epoch=1.1 memory=0 compute=0 host=h port=1 attached=true"
        let answers = Self.answers(line)
        #expect(answers.count > 5)
        for case .identity(let identity) in answers {
            let worker = RecoveredWorker(identity)
            let held = HeldGrant(
                grant: worker.grant, instance: worker.instance, device: worker.device, epoch: worker.epoch,
                level: .warm, slice: worker.slice, endpoint: worker.endpoint, usedMemory: .zero, usedCompute: .zero)
            #expect(throws: Never.self, "\(identity)") { try HeldGrant(wire: held.wire) }
        }
    }
}
