import Foundation
import Testing

@testable import RemotingCore

/// Messages as each revision of the wire writes them, byte for byte: what was released once must be read for good.
///
/// A line of a file is a name and the bytes in hexadecimal digits. A new revision gets a file of its own; lines of a
/// released one are never changed. `PRESYNC_RECORD=1` writes the file of a revision that has none yet.
struct RecordedMessages {
    let revision: UInt16

    static let revisions = SessionLimits.revisions

    private var path: String {
        URL(filePath: #filePath).deletingLastPathComponent().path + "/Recorded/wire-\(revision).txt"
    }

    /// What stands in the file, by name.
    func read() throws -> [String: [UInt8]] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        var messages: [String: [UInt8]] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 1)
            try #require(words.count == 2)
            #expect(messages.updateValue(hex(String(words[1])), forKey: String(words[0])) == nil, "twice: \(words[0])")
        }
        return messages
    }

    func recordIfNew() throws {
        guard ProcessInfo.processInfo.environment["PRESYNC_RECORD"] != nil,
            !FileManager.default.fileExists(atPath: path)
        else { return }
        let lines = try samples().map { "\($0.name) \(hex($0.bytes))" }
        let heading = "# Messages of revision \(revision) of the wire, as docs/wire.md describes it.\n"
        try (heading + lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// What this build writes in this revision, of every kind that was new in it.
    func samples() throws -> [(name: String, bytes: [UInt8])] {
        let identity = try SessionFixture.identity(version: "0.0.9", testedWith: [])
        var hello = SessionFixture.hello(identity)
        hello.revisions = SessionRevision.first...revision
        let accepted = ServerHello.accepted(SessionFixture.acceptance(identity))
        var samples: [(name: String, bytes: [UInt8])] = [
            ("client-hello", hello.encoded()), ("server-hello.accepted", accepted.encoded(revision: revision)),
            (
                "server-hello.refused",
                ServerHello.refused(SessionRefusal(.unavailable, "no")).encoded(revision: revision)
            ),
        ]
        switch revision {
        case SessionRevision.first: samples += try firstSamples()
        case SessionRevision.sharedMemory: samples += try sharedMemorySamples()
        case SessionRevision.completedRequests: samples += completedRequestsSamples()
        case SessionRevision.severalGPUs: samples += severalGPUsSamples()
        default: Issue.record("revision \(revision) has no samples yet")
        }
        return samples
    }

    private func firstSamples() throws -> [(name: String, bytes: [UInt8])] {
        var samples: [(name: String, bytes: [UInt8])] = try frames()
        let registration = InstanceRegistration(instance: "i", tenant: "t", application: "a", priorityClass: "p")
        samples += [
            (
                "hand-over-request.open",
                HandOverRequest.openSession(HandOverDemand(interfaceVersion: "0.0.9")).encoded()
            ),
            ("hand-over-request.register", HandOverRequest.registerInstance(registration).encoded()),
            ("hand-over-reply.session", HandOverReply.session(HandOverTests.session).encoded()),
            ("hand-over-reply.registered", HandOverReply.registered(clientLibrary: "/l.so").encoded()),
            ("hand-over-reply.refused", HandOverReply.refused("no").encoded()),
        ]
        let requests = OpenCLMessageTests.vectors + OpenCLMessageTests.laterVectors + OpenCLMessageTests.imageVectors
        for (index, vector) in requests.enumerated() {
            samples.append(("request.\(vector.0.kind).\(index)", vector.0.encoded()))
        }
        for (index, vector) in OpenCLMessageTests.responseVectors.enumerated() where vector.0.kind != 6 {
            samples.append(("response.\(vector.0.kind).\(index)", vector.0.encoded()))
        }
        return samples
    }

    /// Each frame that a client or a worker of revision 1 sends, the first of its stream.
    private func frames() throws -> [(name: String, bytes: [UInt8])] {
        func frame(_ name: String, _ send: (inout SessionFixture) -> Void) -> (name: String, bytes: [UInt8]) {
            var pair = SessionFixture()
            send(&pair)
            return ("frame." + name, pair.client.takeUnsent() + pair.worker.takeUnsent())
        }
        return [
            frame("data") { _ = $0.client.sendData([1, 2, 3]) }, frame("ping") { $0.client.ping(7) },
            frame("slice") { $0.worker.announce(SessionFixture.slice) },
            frame("go-away") { $0.client.goAway(SessionFarewell(.finished, "bye")) },
        ]
    }

    private func sharedMemorySamples() throws -> [(name: String, bytes: [UInt8])] {
        var pair = SessionFixture()
        pair.client.switchToSharedMemory()
        let registration = InstanceRegistration(
            instance: "i", tenant: "t", application: "a", isApplicationDeclared: false, priorityClass: "p",
            scope: .cgroup, user: "u")
        return [
            ("frame.shared", pair.client.takeUnsent()),
            ("hand-over-request.register", HandOverRequest.registerInstance(registration).encoded()),
            ("hand-over-request.report", HandOverRequest.report(ApplicationReport(workInFlight: 5)).encoded()),
            ("hand-over-reply.report-taken", HandOverReply.reportTaken.encoded()),
            ("hand-over-reply.warned", HandOverReply.warned("soon").encoded()),
            ("response.6", OpenCLResponse.output([0x68, 0x69]).encoded()),
        ]
    }

    private func completedRequestsSamples() -> [(name: String, bytes: [UInt8])] {
        var pair = SessionFixture()
        pair.worker.announce(completed: 0x0102)
        return [("frame.completed", pair.worker.takeUnsent())]
    }

    private func severalGPUsSamples() -> [(name: String, bytes: [UInt8])] {
        let demand = HandOverDemand(interfaceVersion: "0.0.9", firstGPU: 1, gpus: 2)
        let session = HandOverReply.sessionOf(HandOverTests.session, remaining: 1, descriptors: 2)
        let registration = InstanceRegistration(
            instance: "i", tenant: "t", application: "a", priorityClass: "p", gpus: 2)
        return [
            ("hand-over-request.register", HandOverRequest.registerInstance(registration).encoded()),
            ("hand-over-request.open-several", HandOverRequest.openSession(demand).encoded()),
            ("hand-over-reply.session-of", session.encoded()),
        ]
    }
}

@Suite struct RecordedMessagesTests {
    /// What is written now is what was written then, and nothing new is written within a revision.
    @Test(arguments: RecordedMessages.revisions)
    func thisBuildWritesWhatWasRecorded(revision: UInt16) throws {
        let recorded = RecordedMessages(revision: revision)
        try recorded.recordIfNew()
        let samples = Dictionary(uniqueKeysWithValues: try recorded.samples().map { ($0.name, hex($0.bytes)) })
        #expect(samples == (try recorded.read()).mapValues { hex($0) })
    }

    @Test(arguments: RecordedMessages.revisions)
    func whatWasRecordedIsRead(revision: UInt16) throws {
        for (name, bytes) in try RecordedMessages(revision: revision).read() {
            #expect(throws: Never.self, "\(name)") { try Self.read(name, bytes) }
        }
    }

    private static func read(_ name: String, _ bytes: [UInt8]) throws {
        let kind = name.split(separator: ".")[0]
        switch kind {
        case "client-hello":
            let hello = try ClientHello(HelloPrefix(bytes[..<12]), body: bytes[12...])
            #expect(hello.encoded() == bytes)
        case "server-hello": _ = try ServerHello(body: bytes[12...])
        case "frame":
            // Of a worker what only it says, of a client the rest.
            var pair = SessionFixture()
            if ["frame.slice", "frame.completed"].contains(name) {
                try pair.client.received(bytes)
            } else {
                try pair.worker.received(bytes)
            }
        case "hand-over-request": #expect(try HandOverRequest(decoding: bytes)?.encoded() == bytes)
        case "hand-over-reply": #expect(try HandOverReply(decoding: bytes)?.encoded() == bytes)
        case "request": try again(OpenCLRequest.self, bytes)
        case "response": try again(OpenCLResponse.self, bytes)
        default: Issue.record("\(name) is of no kind")
        }
    }

    private static func again<Message: WireMessage>(_ type: Message.Type, _ bytes: [UInt8]) throws {
        var messages = WireMessages<Message>(payload: bytes)
        let message = try #require(try messages.next())
        #expect(message.encoded() == bytes)
        #expect(try messages.next() == nil)
    }

    /// A message of a later revision than a build knows is refused by name, and not misread.
    @Test func aLaterRevisionIsRefusedByName() throws {
        var bytes = HandOverReply.reportTaken.encoded()
        bytes[4] = UInt8(SessionLimits.revision) + 1
        #expect { try HandOverReply(decoding: bytes) } throws: {
            ($0 as? RemotingError)?.message.contains("revision \(SessionLimits.revision + 1)") == true
        }
    }
}
