import ControlLoop
import FleetModel
import Glibc
import RemotingCore
import SessionTransport

/// One program's connection to the agent: it asks once, is answered once, and stays open as long as the program uses
/// what it got.
struct ProgramConnection {
    enum State {
        /// The request is coming in.
        case asking(deadline: MonotonicTime)
        /// The request is with the agent's machine.
        case waiting(RequestID, since: MonotonicTime)
        /// A session was handed over, or is being so.
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
    /// Through which the program asked for its session.
    var library: ClientLibrary?
    private var received: [UInt8] = []
    private var unsent: ArraySlice<UInt8> = []
    private var passed: [Int32] = []
    /// When a program that does not read its answer is given up.
    private(set) var sendDeadline: MonotonicTime?

    /// How long a request may take to arrive whole, and an answer to be read.
    static let transferTime: Duration = .seconds(2)

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

    var hasUnsent: Bool { !unsent.isEmpty }

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

    /// Begins to send an answer. Descriptors that are passed along are closed here once they are sent, or given up.
    /// - Returns: false when the program is gone.
    mutating func answer(_ reply: HandOverReply, passing descriptors: [Int32] = [], now: MonotonicTime) -> Bool {
        releasePassed()
        unsent = reply.encoded()[...]
        passed = descriptors
        sendDeadline = now + Self.transferTime
        return sendMore()
    }

    /// Tells a registered program something that it has not asked for, unless it has left too much unread.
    func notify(_ reply: HandOverReply) {
        guard !hasUnsent else { return }
        // A message as small as this is taken whole or not at all (unix(7)).
        _ = reply.encoded().withUnsafeBytes { DescriptorPassing.send($0, passing: [], on: descriptor) }
    }

    /// Sends what the program's end takes now; false when the program is gone.
    mutating func sendMore() -> Bool {
        while !unsent.isEmpty {
            let count = unsent.withUnsafeBytes { DescriptorPassing.send($0, passing: passed, on: descriptor) }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            releasePassed()
            unsent = unsent.dropFirst(count)
        }
        sendDeadline = nil
        return true
    }

    /// Closes the connection and what it still holds.
    mutating func close() {
        releasePassed()
        Glibc.close(descriptor)
    }

    private mutating func releasePassed() {
        for descriptor in passed { Glibc.close(descriptor) }
        passed = []
    }
}
