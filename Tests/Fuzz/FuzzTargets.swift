import Determinism
import FleetModel
import InterfaceCore
import RemotingCore

/// A decoder of bytes from outside, as libFuzzer runs it: whatever the bytes are, it ends, and what it takes it writes as
/// the same bytes again.
struct FuzzTarget: Sendable {
    let name: String
    /// Right inputs, from which others are made.
    let seeds: @Sendable () -> [[UInt8]]
    /// Ends the process where a promise is broken.
    let run: @Sendable ([UInt8]) -> Void

    static let all: [FuzzTarget] = [
        messages("request", OpenCLRequest.self) { generator, kind in
            generator.request(kind: 1 + kind % MessageGenerator.requestKinds).encoded()
        },
        messages("response", OpenCLResponse.self) { generator, kind in
            generator.response(kind: 1 + kind % MessageGenerator.responseKinds).encoded()
        },
        stream, clientHello, serverHello, resumeHello, resumeAnswer, handOverRequest, handOverReply, deviceInformation,
        headers, manifest, json,
        metadata, rule, snapshot, telemetryTrace, requestTrace, clusterNodes, clusterPods,
        agentMessage, toAgentMessage, gpuServerMessage, toGPUServerMessage, workerCommand, workerAnswer,
    ]

    private static func messages<Message: WireMessage>(
        _ name: String, _ type: Message.Type, _ make: @escaping @Sendable (inout MessageGenerator, Int) -> [UInt8]
    ) -> FuzzTarget {
        FuzzTarget(name: name) {
            var generator = MessageGenerator(seed: 1)
            return (0..<200).map { make(&generator, $0) }
        } run: { bytes in
            var messages = WireMessages<Message>(payload: bytes)
            var written: [UInt8] = []
            do { while let message = try messages.next() { written += message.encoded() } } catch { return }
            precondition(written == bytes, "written otherwise than read")
        }
    }

    /// The frames of a worker, cut where the first byte says.
    private static let stream = FuzzTarget(name: "stream") {
        var worker = SessionStream(
            role: .worker, sendWindow: SessionLimits.leastWindow, receiveWindow: SessionLimits.leastWindow, slice: .zero
        )
        _ = worker.sendData([1, 2, 3])
        worker.announce(SessionSlice(memory: 1 << 30, compute: 250))
        worker.announce(completed: 3)
        worker.ping(1)
        worker.goAway(SessionFarewell(.failed, "why"))
        var bytes: [UInt8] = [7]
        while worker.hasUnsent {
            worker.send { piece in
                bytes += piece
                return piece.count
            }
        }
        return [bytes]
    } run: { bytes in
        guard let cut = bytes.first else { return }
        let window = SessionLimits.leastWindow
        var client = SessionStream(role: .client, sendWindow: window, receiveWindow: window, slice: .zero)
        var (rest, kept) = (bytes.dropFirst(), 0)
        while !rest.isEmpty {
            guard (try? client.received(rest.prefix(1 + Int(cut)))) != nil else { break }
            rest = rest.dropFirst(1 + Int(cut))
            while let event = client.nextEvent() {
                if case .data(let payload) = event { kept += payload.count }
                if case .completed(let number) = event { precondition(number <= client.completed, "taken back") }
            }
        }
        precondition(kept <= bytes.count, "more than came")
    }

    private static var identity: InterfaceIdentity? {
        InterfaceIdentity(kind: "opencl", version: "0.1.0", digest: [UInt8](repeating: 7, count: 32))
    }

    private static let clientHello = FuzzTarget(name: "client-hello") {
        identity.map {
            [ClientHello(interface: $0, credential: SessionCredential(grant: 7, ticketHigh: 1, ticketLow: 2)).encoded()]
        } ?? []
    } run: { bytes in
        guard let identity else { return }
        let acceptance = SessionAcceptance(slice: .zero, interface: identity, deviceInformation: [])
        var worker = WorkerHandshake(
            acceptance: acceptance, credential: SessionCredential(grant: 7, ticketHigh: 1, ticketLow: 2))
        _ = worker.received(bytes)
    }

    private static let serverHello = FuzzTarget(name: "server-hello") {
        let accepted = identity.map {
            ServerHello.accepted(SessionAcceptance(slice: .zero, interface: $0, deviceInformation: [1, 2])).encoded()
        }
        return [accepted, ServerHello.refused(SessionRefusal(.unavailable, "no")).encoded()].compactMap(\.self)
    } run: { bytes in
        guard let identity else { return }
        let hello = ClientHello(
            interface: identity, credential: SessionCredential(grant: 7, ticketHigh: 1, ticketLow: 2))
        var client = ClientHandshake(hello)
        _ = try? client.received(bytes)
    }

    private static var key: ResumptionKey { ResumptionKey { $0.copyBytes(from: 1...16) } }

    private static let resumeHello = FuzzTarget(name: "resume-hello") {
        [ResumeHello(grant: 7, attempt: 1, received: 5, key: key).encoded()]
    } run: { bytes in
        guard let hello = try? ResumeHello(decoding: bytes) else { return }
        let encoded = hello.encoded()
        precondition(bytes.starts(with: encoded), "written otherwise than read")
    }

    private static let resumeAnswer = FuzzTarget(name: "resume-answer") {
        let hello = ResumeHello(grant: 7, attempt: 1, received: 5, key: key)
        let answers = [
            ResumeAnswer.pending, .resumed(hello, received: 9, key: key), .refused(SessionRefusal(.unavailable, "no")),
        ]
        return answers.map { $0.encoded() }
    } run: { bytes in
        var client = ResumeHandshake(grant: 7, attempt: 1, received: 5, key: key)
        _ = try? client.received(bytes)
    }

    private static let handOverRequest = FuzzTarget(name: "hand-over-request") {
        let registration = InstanceRegistration(instance: "i", tenant: "t", application: "a", priorityClass: "p")
        let report = ApplicationReport(workInFlight: 5, userIdleMilliseconds: 7)
        return [HandOverRequest.openSession(HandOverDemand()), .registerInstance(registration), .report(report)].map {
            $0.encoded()
        }
    } run: { bytes in
        guard let request = try? HandOverRequest(decoding: bytes) else { return }
        precondition(request.encoded() == bytes, "written otherwise than read")
    }

    private static let handOverReply = FuzzTarget(name: "hand-over-reply") {
        [HandOverReply.registered(clientLibrary: "/l.so"), .refused("no"), .reportTaken].map { $0.encoded() }
    } run: { bytes in
        guard let reply = try? HandOverReply(decoding: bytes) else { return }
        precondition(reply.encoded() == bytes, "written otherwise than read")
    }

    private static let deviceInformation = FuzzTarget(name: "device-information") {
        var information = DeviceInformation()
        information.platform[0x902] = Array("name\0".utf8)
        information.device[0x1000] = [4, 0, 0, 0, 0, 0, 0, 0]
        return [information.encoded()]
    } run: { bytes in
        guard let information = try? DeviceInformation(encoded: bytes) else { return }
        precondition(information.encoded() == bytes, "written otherwise than read")
    }

    /// Source with directives, whose headers are the source itself.
    private static let headers = FuzzTarget(name: "headers") {
        ["#include \"a.h\"\n#pragma once\nint x;", "# include <b/c.h> // d\n/* #include \"a.h\" */"].map {
            Array($0.utf8)
        }
    } run: { bytes in
        var read = 0
        var headers = IncludedHeaders(options: Array("-I /a -Ib".utf8)) { _ in
            read += 1
            return read <= 8 ? bytes : nil
        }
        let expanded = headers.expand(bytes)
        precondition((expanded?.count ?? 0) <= OpenCLInterface.programSource, "longer than a source may be")
    }

    private static let manifest = FuzzTarget(name: "manifest") {
        guard let digest = ContentDigest(bytes: [UInt8](repeating: 1, count: 32)), let library = BundlePath("l.so"),
            let worker = BundlePath("w"),
            let manifest = try? BundleManifest(
                kind: "opencl", version: SemanticVersion(1, 2, 3), platform: .current, wireRevisions: 1...2,
                requiredCapabilities: ["cl_khr_fp64"],
                files: [
                    BundleFile(path: library, role: .clientLibrary, size: 10, digest: digest),
                    BundleFile(path: worker, role: .worker, size: 10, digest: digest),
                ], testedWith: [digest])
        else { return [] }
        return [manifest.encoded()]
    } run: { bytes in
        guard let manifest = try? BundleManifest(decoding: bytes) else { return }
        precondition(manifest.encoded() == bytes, "written otherwise than read")
    }

    private static let json = FuzzTarget(name: "json") {
        [#"{"a":[1,-2,true,null,"\u00e9\ud83d\ude00\\"],"b":{}}"#].map { Array($0.utf8) }
    } run: { bytes in
        guard let value = try? JSONParser.parse(bytes) else { return }
        let canonical = value.canonicalBytes
        precondition((try? JSONParser.parse(canonical)) == value, "written otherwise than read")
    }

    /// Metadata of each role of a repository.
    private static let metadata = FuzzTarget(name: "metadata") {
        let repository = ScriptedRepository()
        return RoleName.topLevel.map { ScriptedRepository.bytes(repository.document($0), signedBy: ["\($0)"]) }
    } run: { bytes in
        for role in RoleName.topLevel {
            guard let metadata = try? SignedMetadata(bytes, of: role) else { continue }
            _ = try? RootMetadata(metadata)
            _ = try? TimestampMetadata(metadata)
            _ = try? SnapshotMetadata(metadata)
            _ = try? TargetsMetadata(metadata)
        }
        _ = try? TrustedRoot.read(bytes, by: ScriptedCryptography())
    }

    /// A pattern of a rule and a name, with a zero between.
    private static let rule = FuzzTarget(name: "rule") {
        ["render-*\0render-7", "*a*b*\0aab"].map { Array($0.utf8) }
    } run: { bytes in
        let parts = bytes.prefix(257).split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return }
        let texts = parts.map { String(decoding: $0.prefix(128), as: UTF8.self) }
        _ = ClassRule.matches(texts[0], texts[1])
    }
}
