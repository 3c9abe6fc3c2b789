import COpenCL
import Glibc
import RemotingCore
import SessionTransport

/// The session of this program: collects requests into few writes, and lets the calling threads wait for answers.
///
/// It has no thread. A thread that waits for an answer reads for all: the first becomes the *reader*, gives up the
/// lock while it polls, and wakes the others with what it found. Nobody else reads meanwhile, so that no answer can
/// come past a reader that sleeps for it. Everything here is guarded by the library's lock, which is held by callers.
///
/// A TCP connection that breaks is replaced by the thread that finds it broken, while the others wait
/// (`ClientSession+Resumption`).
final class ClientSession {
    /// What `clGetSessionFactsPRESYNC` tells.
    struct Facts {
        var grant: UInt64
        var foundReadiness: UInt8
        var handOverNanoseconds: UInt64
    }

    let facts: Facts
    let information: DeviceInformation
    private(set) var isLost = false
    private var isAbandoned = false
    /// Bytes of the buffers that the program has; decides only whether a creation asks the worker first.
    private(set) var allocatedMemory: UInt64 = 0
    private var buffers: Set<ObjectID> = []

    let lock: LibraryLock
    /// The connection; another one takes its number after a break.
    let descriptor: CInt
    /// Shared with the other sessions of the request that brought this one.
    private let agent: AgentLink
    /// Before its lines on standard error: which virtual GPU it is of, where the program has several.
    private let label: String
    private let pipe: SessionPipe
    var stream: SessionStream
    /// Nil where a break is the end.
    var resumption: ClientResumption?
    /// Whether a thread is about to replace the connection: nobody else reads or writes.
    var isResuming = false
    var hasGuardian = false
    private var spinning = SpinBudget(processors: sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    private var batch = ByteWriter(reservingCapacity: batchLimit)
    /// What the session would need to go on in another worker.
    private var commands = CommandWindow()
    private var calls: [CallID: PendingCall] = [:]
    private var lastID: UInt64 = 0
    private var lastCall: UInt64 = 0
    private(set) var hasReader = false

    /// Requests are sent when they take as much, if nothing sends them before.
    private static let batchLimit = 32 << 10
    private static let pendingCalls = 65_536
    /// Looks for an answer before a thread goes to sleep for it: some 20 microseconds.
    private static let spins = 50

    init(_ handOver: AgentConnection.HandOver, lock: LibraryLock, label: String) throws(HandOverFailure) {
        do throws(RemotingError) {
            information = try DeviceInformation(encoded: handOver.session.deviceInformation)
        } catch {
            throw HandOverFailure(error.message)
        }
        let choice = TransportChoice.ofEnvironment ?? .automatic
        let sharesMemory = choice != .tcp && InterfaceEdition.linked.sharesMemory
        let memory = !sharesMemory ? nil : handOver.memory.flatMap { SharedMemory(mapping: $0) }
        guard memory != nil || choice != .sharedMemory else {
            throw HandOverFailure("the session has no shared memory, which \(TransportChoice.environmentKey) asks for")
        }
        // Mapped, or not wanted.
        if let mapped = handOver.memory { close(mapped) }
        self.lock = lock
        descriptor = handOver.descriptor
        agent = handOver.agent
        self.label = label
        pipe = SessionPipe(socket: handOver.descriptor, memory: memory, role: .client)
        stream = SessionStream(resuming: handOver.session.continuation)
        facts = Facts(
            grant: handOver.session.grant, foundReadiness: handOver.session.foundReadiness,
            handOverNanoseconds: handOver.nanoseconds)
        if memory == nil, let resumption = ClientResumption(descriptor: descriptor) {
            stream.offerResumption(resumption.key)
            self.resumption = resumption
        }
        // By this the worker knows that a program has the session, however long the first command takes to come. A
        // connection that does not take it is found broken by that command.
        stream.ping(0)
        if memory != nil { stream.switchToSharedMemory() }
        try? transmit()
        guard memory != nil else { return }
        while stream.hasUnsent, !isLost {
            _ = waitUntilReady(descriptor, CShort(POLLOUT), milliseconds: -1)
            try? transmit()
        }
        pipe.switchSending()
    }

    deinit {
        if !isAbandoned { close(descriptor) }
    }

    /// What the worker enforces, as last heard.
    var slice: SessionSlice { stream.slice }

    func newID() -> ObjectID {
        lastID += 1
        return ObjectID(rawValue: lastID)
    }

    func bufferCreated(_ id: ObjectID, size: UInt64) {
        buffers.insert(id)
        allocatedMemory += size
    }

    func bufferReleased(_ id: ObjectID, size: UInt64) {
        guard buffers.remove(id) != nil else { return }
        allocatedMemory -= size
    }

    // MARK: Requests

    /// Appends a request that is not answered; it is sent with what comes after it, or by ``flush()``.
    func send(_ request: OpenCLRequest) throws(OpenCLError) {
        guard !isLost else { throw .deviceNotAvailable }
        request.write(to: &batch)
        commands.collect()
        if batch.count >= Self.batchLimit { try flush() }
    }

    /// Appends the request that `request` makes for a new call. The caller waits for the call, or keeps it.
    func begin(
        queue: ClientQueue? = nil, destination: UnsafeMutableRawBufferPointer? = nil, rectangle: HostRectangle? = nil,
        keeping memory: HostShadow? = nil, _ request: (CallID) -> OpenCLRequest
    ) throws(OpenCLError) -> PendingCall {
        guard !isLost else { throw .deviceNotAvailable }
        watchConnection()
        if calls.count >= Self.pendingCalls { try wait { self.calls.count < Self.pendingCalls } }
        lastCall += 1
        let id = CallID(rawValue: lastCall)
        let call = PendingCall(
            queue: queue, destination: destination, rectangle: rectangle, keeping: memory)
        calls[id] = call
        try send(request(id))
        return call
    }

    /// Sends the request that `request` makes and waits for its answer.
    func call(
        queue: ClientQueue? = nil, _ request: (CallID) -> OpenCLRequest
    ) throws(OpenCLError) -> OpenCLResponse {
        let call = try begin(queue: queue, request)
        try wait(for: call)
        guard let answer = call.answer else { throw .deviceNotAvailable }
        return answer
    }

    /// Writes `data` to a buffer, in as many messages as it takes. What of it may still be needed is copied before this
    /// returns.
    func write(_ data: UnsafeRawBufferPointer, _ command: BufferCommand) throws(OpenCLError) {
        defer { stream.settle() }
        var sent = 0
        repeat {
            let size = min(data.count - sent, OpenCLInterface.chunk)
            let isLast = sent + size == data.count
            var piece = command
            piece.offset += UInt64(sent)
            piece.size = UInt64(size)
            piece.order.event = isLast ? command.order.event : .none
            try send(
                OpenCLRequest.writeBufferHead(piece), UnsafeRawBufferPointer(rebasing: data[sent..<sent + size]))
            sent += size
        } while sent < data.count
    }

    /// Writes a rectangle of the program's memory to one of a buffer; it is copied before this returns.
    func write(_ rectangle: HostRectangle, _ command: RectangleCommand) throws(OpenCLError) {
        try write(rectangle, region: command.region, elementSize: 1) { part, size, isLast in
            var piece = command
            piece.layout = command.layout.moved(by: part.corner)
            piece.region = part.region
            piece.order.event = isLast ? command.order.event : .none
            return OpenCLRequest.writeRectangleHead(piece, size: size)
        }
    }

    /// Writes a region of an image, in as many messages as it takes; it is copied before this returns.
    func write(_ host: HostRectangle, elementSize: Int, _ command: ImageCommand) throws(OpenCLError) {
        try write(host, region: command.region, elementSize: elementSize) { part, size, isLast in
            var piece = command
            piece.origin = command.origin &+ part.corner
            piece.region = part.region
            piece.order.event = isLast ? command.order.event : .none
            return OpenCLRequest.writeImageHead(piece, size: size)
        }
    }

    /// Sends what lies in `host` in parts of `region`, whose elements take `elementSize` bytes; `head` gives the message
    /// that a part's bytes follow.
    private func write(
        _ host: HostRectangle, region: SIMD3<UInt64>, elementSize: Int,
        head: (_ part: RectangleParts.Part, _ size: Int, _ isLast: Bool) -> [UInt8]
    ) throws(OpenCLError) {
        var packed: [UInt8] = []
        var sent = 0
        for part in RectangleParts(region, limit: UInt64(OpenCLInterface.chunk / elementSize)) {
            let size = Int(part.region.x * part.region.y * part.region.z) * elementSize
            packed.removeAll(keepingCapacity: true)
            host.forEachRun(sent..<sent + size) { packed.append(contentsOf: $0) }
            sent += size
            let head = head(part, size, sent == host.count)
            var failure: OpenCLError?
            packed.withUnsafeBytes { bytes in
                do throws(OpenCLError) { try send(head, bytes) } catch { failure = error }
                stream.settle()
            }
            if let failure { throw failure }
        }
    }

    /// Appends a message whose bulk data follows its head, or sends it at once if it is long: then the bulk stays as it is
    /// until the stream has settled.
    private func send(_ head: [UInt8], _ bulk: UnsafeRawBufferPointer) throws(OpenCLError) {
        if head.count + bulk.count + batch.count < Self.batchLimit {
            guard !isLost else { throw .deviceNotAvailable }
            batch.write(bytes: head)
            batch.write(bytes: bulk)
            commands.collect()
        } else {
            try flush()
            try wait { self.stream.sendablePayload >= head.count + bulk.count && !self.stream.hasUnsent }
            var isOpen = true
            let isTaken = stream.sendData(head, borrowing: bulk) { first, second in
                guard let count = write(first, second) else {
                    isOpen = false
                    return 0
                }
                return count
            }
            if isTaken { commands.sendTransfer() }
            if !isOpen { try comeBack("the connection to the worker broke") }
            guard isTaken else { throw .deviceNotAvailable }
            try transmit()
        }
    }

    /// Hands everything to the system that was asked for so far.
    func flush() throws(OpenCLError) {
        while batch.count > 0 {
            try wait { self.stream.sendablePayload >= self.batch.count }
            // While this thread waited, another may have sent the batch.
            guard batch.count > 0, stream.sendData(batch.bytes) else { continue }
            commands.sendCollected(batch.bytes)
            batch.removeAll()
        }
        guard !isLost else { throw .deviceNotAvailable }
        try transmit()
    }

    // MARK: Waiting

    func wait(for call: PendingCall) throws(OpenCLError) {
        try flush()
        try wait { call.hasEnded }
    }

    /// Takes in what has arrived, without waiting.
    func poll() throws(OpenCLError) {
        guard !isLost else { throw .deviceNotAvailable }
        _ = try takeIn()
    }

    /// Sends and receives until `done`, or throws when the session is lost before.
    func wait(until done: () -> Bool) throws(OpenCLError) {
        var spins = 0
        while !done() {
            guard !isLost else { throw .deviceNotAvailable }
            if isResuming {
                lock.wait()
                continue
            }
            try transmit()
            if try takeIn() { continue }
            // Sending may have been what was awaited: nothing would wake this thread then.
            if done() { return }
            if hasReader || !looksAgain(&spins) { awaitChange() }
        }
    }

    /// Whether to look for bytes once more before sleeping for them; has looked for some where they come through memory.
    private func looksAgain(_ spins: inout Int) -> Bool {
        guard spins < Self.spins else { return false }
        spins += 1
        guard pipe.receivesThroughMemory else { return true }
        spins = Self.spins
        let look = pipe.lookForBytes(nanoseconds: spinning.nanoseconds)
        let found = look != .nothing
        spinning.learn(found: look == .found)
        return found
    }

    /// Gives up the lock until something may have changed.
    private func awaitChange() {
        watchConnection()
        let reads = !hasReader
        let writes = stream.hasUnsent
        guard reads || writes else { return lock.wait() }
        guard pipe.prepareToSleep(forBytes: reads, forRoom: writes) else { return }
        let events = CShort(pipe.pollEvents(forBytes: reads, forRoom: writes))
        if reads { hasReader = true }
        lock.release()
        // Who waits to write only looks again soon: the reader may have left.
        let isReady = waitUntilReady(descriptor, events, milliseconds: reads ? -1 : 10)
        lock.acquire()
        if reads {
            hasReader = false
            if isReady { pipe.noteReady() }
            lock.wakeAll()
        }
    }

    // MARK: The socket

    func transmit() throws(OpenCLError) {
        while stream.hasUnsent, !isLost, !isResuming {
            var outcome: Int?
            stream.send { first, second in
                outcome = write(first, second)
                return outcome ?? 0
            }
            guard let outcome else {
                try comeBack("the connection to the worker broke")
                continue
            }
            if outcome == 0 { return }
        }
    }

    /// Writes what there is room for; nil when the connection is gone.
    private func write(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> Int? {
        do throws(RemotingError) { return try pipe.write(first, second) } catch { return nil }
    }

    /// Whether anything arrived. Nothing is read while another thread waits to read.
    private func takeIn() throws(OpenCLError) -> Bool {
        guard !hasReader, !isLost, !isResuming else { return false }
        var ended = false
        var count = 0
        do throws(RemotingError) {
            count = try stream.receive(placing: place) { space in
                switch try? pipe.read(into: space) {
                case .bytes(let count): return count
                case .nothingYet: return 0
                case .ended, nil:
                    ended = true
                    return 0
                }
            }
            while let event = stream.nextEvent() { try handle(event) }
        } catch {
            stream.goAway(SessionFarewell(.protocolViolated, error.message))
            throw lose(error.message)
        }
        if ended, !isLost { try comeBack("the worker closed the connection") }
        guard !isLost else { throw .deviceNotAvailable }
        return count > 0
    }

    /// The program's own memory for the data of a read.
    private func place(head: [UInt8], count: Int) -> UnsafeMutableRawBufferPointer? {
        guard let (call, offset) = OpenCLResponse.readDataPlace(head: head, count: count) else { return nil }
        return calls[call]?.place(for: count, at: offset)
    }

    func handle(_ event: SessionStream.Event) throws(RemotingError) {
        switch event {
        case .placed(let head, let count):
            guard let (call, offset) = OpenCLResponse.readDataPlace(head: head, count: count),
                calls[call]?.notePlaced(count, at: offset) == true
            else { throw RemotingError(.unexpected, "data that was not asked for") }
        case .data(let payload):
            var messages = WireMessages<OpenCLResponse>(payload: payload)
            while let response = try messages.next() { try handle(response) }
        case .goneAway(let farewell):
            _ = lose("the worker ended the session: \(farewell.message)")
        case .peerSwitched:
            pipe.switchReceiving()
        case .completed(let number):
            try commands.complete(number)
        case .pong, .sliceChanged:
            break
        }
    }

    private func handle(_ response: OpenCLResponse) throws(RemotingError) {
        if case .output(let bytes) = response { return printOutput(bytes) }
        guard let call = calls[response.call] else {
            throw RemotingError(.unexpected, "an answer to no call")
        }
        if case .readData(_, let offset, let data) = response {
            guard call.take(data, at: offset) else {
                throw RemotingError(.unexpected, "data that was not asked for")
            }
            return
        }
        calls[response.call] = nil
        guard call.end(withoutReported(response)) else {
            throw RemotingError(.unexpected, "a read ended before its data")
        }
    }

    /// Leaves out errors of buffers whose creation failed to the program's knowledge, or that it no longer has.
    private func withoutReported(_ response: OpenCLResponse) -> OpenCLResponse {
        guard case .completed(let call, var completion) = response, !completion.deferred.isEmpty else {
            return response
        }
        completion.deferred.removeAll {
            [OpenCLRequest.createBufferKind, OpenCLRequest.createSubBufferKind, OpenCLRequest.createImageKind].contains(
                $0.request)
                && !buffers.contains($0.object)
        }
        for error in completion.deferred { note("request \(error.request) on \(error.object): \(error.code)") }
        return .completed(call, completion)
    }

    /// What kernels print goes to the program's standard output, past its buffer, as drivers do it.
    private func printOutput(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// A line on standard error where `PRESYNC_DEBUG` is set.
    func note(_ line: String) { debug(label + line) }

    // MARK: The end

    /// Ends the session for good: whoever waits gets an error at once.
    func lose(_ reason: String) -> OpenCLError {
        guard !isLost else { return .deviceNotAvailable }
        isLost = true
        note("\(reason) (\(commands.underWay) of \(commands.sent) requests may not have ended)")
        for call in calls.values { call.lose() }
        calls.removeAll()
        // Not closed: another thread may sleep in poll on it, and wakes by this.
        shutdown(descriptor, CInt(SHUT_RDWR))
        lock.wakeAll()
        return .deviceNotAvailable
    }

    /// In a child of the program's process, whose parent goes on with the session.
    ///
    /// Its connections are closed here: what the child keeps open its parent's end would not be noticed by.
    func abandonAfterFork() {
        if !isAbandoned {
            close(descriptor)
            agent.close()
        }
        isLost = true
        isAbandoned = true
        hasReader = false
        for call in calls.values { call.lose() }
        calls.removeAll()
    }
}

/// A line on standard error where `PRESYNC_DEBUG` is set.
func debug(_ line: String) {
    guard getenv("PRESYNC_DEBUG") != nil else { return }
    let bytes = Array("presync: \(line)\n".utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
