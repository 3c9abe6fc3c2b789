import ControlLoop
import FleetModel
import Glibc
import RemotingCore
import SessionTransport

/// One program's connection to the agent: it asks once, is answered once for each session that it asked for, and stays
/// open as long as the program uses what it got.
struct ProgramConnection {
    enum State {
        /// The request is coming in.
        case asking(deadline: MonotonicTime)
        /// The request is with the agent's machine.
        case waiting(RequestID, since: MonotonicTime)
        /// Sessions were handed over, or are being so.
        case served(RequestID)
        /// The program is the root of an instance.
        case registered(InstanceID)
        /// The last answer is on its way; then the connection is over.
        case ending
    }

    enum Arrival {
        case incomplete
        case request(HandOverRequest)
        /// The program closed its end.
        case left
        /// Bytes that are no request.
        case malformed(String)
    }

    let descriptor: Int32
    let token: PollToken
    let credentials: PeerCredentials
    /// The instance that the program belongs to; nil for a program of none, which may only register.
    let instance: InstanceID?
    var state: State
    /// Through which the program asked for its sessions.
    var library: ClientLibrary?
    /// Which of its instance's virtual GPUs the program asked for.
    var gpus = 0..<1
    private var received: [UInt8] = []
    /// What is on its way, one after the other: a descriptor's place in the stream tells which answer it belongs to.
    private var answers: [Answer] = []
    /// When a program that does not read its answer is given up.
    private(set) var sendDeadline: MonotonicTime?

    /// How long a request may take to arrive whole, and an answer to be read.
    static let transferTime: Duration = .seconds(2)

    /// A session for each virtual GPU of a demand, and a last word.
    static let mostAnswers = Int(HandOverDemand.maximumGPUs) + 1

    private struct Answer {
        /// What is left of it.
        var unsent: ArraySlice<UInt8>
        /// They go with its first byte, and are closed here then.
        var descriptors: [Int32]

        mutating func releaseDescriptors() {
            for descriptor in descriptors { Glibc.close(descriptor) }
            descriptors = []
        }
    }

    init(
        descriptor: Int32, token: PollToken, credentials: PeerCredentials, instance: InstanceID?, now: MonotonicTime
    ) {
        self.descriptor = descriptor
        self.token = token
        self.credentials = credentials
        self.instance = instance
        state = .asking(deadline: now + Self.transferTime)
    }

    var deadline: MonotonicTime? {
        if case .asking(let deadline) = state { return deadline }
        return sendDeadline
    }

    var isRegistered: Bool {
        if case .registered = state { true } else { false }
    }

    var isEnding: Bool {
        if case .ending = state { true } else { false }
    }

    var hasUnsent: Bool { !answers.isEmpty }

    var request: RequestID? {
        switch state {
        case .waiting(let request, _), .served(let request): request
        case .asking, .registered, .ending: nil
        }
    }

    /// Reads what the program has sent; never more than one request's greatest length.
    mutating func receive() -> Arrival {
        var buffer = [UInt8](repeating: 0, count: 512)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return .incomplete }
            guard count > 0 else { return .left }
            guard case .asking = state else { return .malformed("a second request on one connection") }
            received.append(contentsOf: buffer[..<count])
            guard received.count <= HandOverRequest.maximumLength else { return .malformed("an oversized request") }
            do {
                if let request = try HandOverRequest(decoding: received) {
                    received = []
                    return .request(request)
                }
            } catch {
                return .malformed("\(error)")
            }
        }
    }

    /// Begins to send an answer, after those before it. Descriptors that are passed along are closed here once they are sent,
    /// or given up. A connection that is ending gives up the sessions that have not begun to go out.
    /// - Returns: false when the program is gone.
    mutating func answer(_ reply: HandOverReply, passing descriptors: [Int32] = [], now: MonotonicTime) -> Bool {
        if isEnding { giveUpSessions() }
        answers.append(Answer(unsent: reply.encoded()[...], descriptors: descriptors))
        sendDeadline = now + Self.transferTime
        return answers.count <= Self.mostAnswers && sendMore()
    }

    /// Tells a registered program something that it has not asked for, unless it has left too much unread.
    func notify(_ reply: HandOverReply) {
        guard !hasUnsent else { return }
        // A message as small as this is taken whole or not at all (unix(7)).
        _ = reply.encoded().withUnsafeBytes { DescriptorPassing.send($0, passing: [], on: descriptor) }
    }

    /// Sends what the program's end takes now; false when the program is gone.
    mutating func sendMore() -> Bool {
        while let answer = answers.first {
            let count = answer.unsent.withUnsafeBytes {
                DescriptorPassing.send($0, passing: answer.descriptors, on: descriptor)
            }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            answers[0].releaseDescriptors()
            answers[0].unsent = answer.unsent.dropFirst(count)
            if answers[0].unsent.isEmpty { answers.removeFirst() }
        }
        sendDeadline = nil
        return true
    }

    /// Closes the connection and what it still holds.
    mutating func close() {
        giveUpSessions()
        Glibc.close(descriptor)
    }

    /// Drops the answers whose descriptors have not gone out.
    private mutating func giveUpSessions() {
        for index in answers.indices where !answers[index].descriptors.isEmpty {
            answers[index].releaseDescriptors()
            answers[index].unsent = []
        }
        answers.removeAll { $0.unsent.isEmpty }
    }
}
