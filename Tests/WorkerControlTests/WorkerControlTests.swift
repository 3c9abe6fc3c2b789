import Determinism
import DeviceDrivers
import FleetModel
import Glibc
import Testing
import WorkerControl

@Suite("The worker control protocol")
struct WorkerControlTests {
    private static let slice = Slice(memory: .mebibytes(9), compute: MilliShare(125))
    private static let epoch = Epoch(term: 3, counter: 44)

    static let commands: [WorkerCommand] = [
        .ticket(SessionTicket(high: .max, low: 0)), .identify, .setLimit(slice, epoch), .reportStatus, .terminate,
    ]

    static let answers: [WorkerAnswer] = [
        .identity(
            WorkerIdentity(
                grant: GrantID(rawValue: .max), instance: InstanceID(unchecked: "a/b:c@d"),
                device: DeviceID(server: GPUServerID(unchecked: "s"), index: 3), epoch: epoch, slice: slice,
                endpoint: SessionEndpoint(host: "2001:db8::1", port: 65_535), attached: true)),
        .failed("100 % wrong:\nKernel = Ü"), .limit(slice, epoch), .limitRefused(seen: epoch),
        .status(
            WorkerReport(
                attached: false, connected: true, peakMemory: Bytes(1), busy: .nanoseconds(17), traffic: true,
                usage: SessionUsage(
                    commands: 5, received: Bytes(6), sent: Bytes(7), queueDepth: 8,
                    capabilities: ["kernel-output", "shared-memory"]))),
    ]

    @Test("commands are read as they were written", arguments: commands)
    func command(command: WorkerCommand) {
        #expect(command.encoded.last == UInt8(ascii: "\n"))
        #expect(WorkerCommand(line: command.encoded.dropLast()) == command)
    }

    @Test("answers are read as they were written", arguments: answers)
    func answer(answer: WorkerAnswer) {
        #expect(WorkerAnswer(line: answer.encoded.dropLast()) == answer)
    }

    @Test("a reason of any length fits a line")
    func longReason() {
        let line = WorkerAnswer.failed(String(repeating: "ä ", count: 9_000)).encoded
        guard case .failed(let reason)? = WorkerAnswer(line: line.dropLast()) else { return #expect(Bool(false)) }
        #expect(reason.hasPrefix("ä ä"))
    }

    @Test("lines that are damaged anywhere are refused or read as another value, and never trap")
    func damagedLines() {
        var random = SeededGenerator(seed: 11)
        for line in Self.commands.map(\.encoded) + Self.answers.map(\.encoded) {
            for _ in 0..<500 {
                var damaged = Array(line.dropLast())
                for _ in 0...random.below(3) where !damaged.isEmpty {
                    let index = Int(random.below(UInt64(damaged.count)))
                    if random.chance(1, in: 2) {
                        damaged[index] = UInt8(truncatingIfNeeded: random.next())
                    } else {
                        damaged.remove(at: index)
                    }
                }
                _ = WorkerCommand(line: damaged)
                _ = WorkerAnswer(line: damaged)
            }
        }
    }

    /// Numbers and texts at the ends of what any field may say, and beyond.
    private static let extremes = [
        "", "0", "-1", "1", "+1", "1000", "1001", "1023", "1024", "65535", "65536", "281474976710656",
        "281474976710657", "562949953421312", "562949953421313", "315360000000000000", "315360000000000001",
        "4611686018427387903.0", "4611686018427387904.0", "0.4611686018427387904", "9223372036854775807",
        "18446744073709551615", "true", "%2C", "%00", "a%2Cb", String(repeating: "h", count: 253),
        String(repeating: "h", count: 254), String(repeating: "a,", count: 100),
    ]

    @Test("what a line may say is bounded, and what is read is written as it was read")
    func extremeValues() {
        var taken = 0
        for line in Self.commands.map(\.encoded) + Self.answers.map(\.encoded) {
            let words = line.dropLast().split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            for index in words.indices.dropFirst() {
                guard let key = words[index].split(separator: "=").first else { continue }
                for value in Self.extremes {
                    var changed = words
                    changed[index] = "\(key)=\(value)"
                    let bytes = Array(changed.joined(separator: " ").utf8)
                    if let command = WorkerCommand(line: bytes) {
                        #expect(WorkerCommand(line: command.encoded.dropLast()) == command)
                    }
                    guard let answer = WorkerAnswer(line: bytes) else { continue }
                    taken += 1
                    #expect(WorkerAnswer(line: answer.encoded.dropLast()) == answer)
                }
            }
        }
        #expect(taken > 50)
    }

    @Test("a ticket does not show in a description")
    func secretTicket() {
        #expect(!"\(WorkerCommand.ticket(SessionTicket(high: 987_654, low: 321)))".contains("987654"))
    }
}

@Suite("A worker's command line")
struct WorkerLaunchTests {
    private static func launch() throws -> WorkerLaunch {
        WorkerLaunch(
            grant: GrantID(rawValue: 12), instance: InstanceID(unchecked: "i-1"),
            device: DeviceID(server: GPUServerID(unchecked: "s"), index: 2), selector: .openCL(platform: 1, device: 3),
            epoch: Epoch(term: 5, counter: 6), slice: Slice(memory: .mebibytes(1), compute: MilliShare(77)),
            interface: InterfaceVersion(
                kind: "opencl", version: SemanticVersion(1, 2, 3, prerelease: ["rc", "1"]),
                digest: try #require(ContentDigest(bytes: 0..<32))),
            testedWith: [.zero, try #require(ContentDigest(bytes: 1..<33))], listenHost: "::1", ports: 4_000...4_010,
            advertisedHost: "gpu.example", controlPath: "state dir/g12",
            timeToLive: .milliseconds(12_345))
    }

    @Test("is read as it was written")
    func roundTrip() throws {
        let launch = try Self.launch()
        #expect(try WorkerLaunch(arguments: launch.arguments) == launch)
    }

    @Test(
        "names what is wrong with it",
        arguments: ["grant", "selector", "ports", "digest", "memory", "listen", "tested-with"])
    func namesWrongValue(option: String) throws {
        var arguments = try Self.launch().arguments
        let index = try #require(arguments.firstIndex(of: "--" + option))
        arguments[index + 1] = option == "listen" ? "" : "-1"
        let wrong = try #require(throws: WorkerLaunchError.self) { try WorkerLaunch(arguments: arguments) }
        #expect(wrong.description.contains("--" + option))
        arguments.removeSubrange(index...index + 1)
        let missing = try #require(throws: WorkerLaunchError.self) { try WorkerLaunch(arguments: arguments) }
        #expect(missing.description == "--\(option) is missing")
    }
}

@Suite("A process's record")
struct ProcessRecordTests {
    @Test("tells a running process from a later one of the same number")
    func identifiesProcess() throws {
        let own = try #require(ProcessRecord(of: getpid()))
        #expect(own.isRunning)
        #expect(ProcessRecord(own.description) == own)
        let parts = own.description.split(separator: " ")
        let later = try #require(ProcessRecord("\(parts[0]) 123456789 \(parts[2])"))
        #expect(!later.isRunning)
        let otherBoot = try #require(ProcessRecord("\(parts[0]) \(parts[1]) another-boot"))
        #expect(!otherBoot.isRunning)
    }

    @Test("is nothing else", arguments: ["", "1", "x 1 b", "-5 1 b", "0 1 b", "1 1 b"])
    func refusesGarbage(text: String) {
        #expect(ProcessRecord(text) == nil)
    }
}
