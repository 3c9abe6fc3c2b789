/// What a client has made in its session and still needs, kept as the requests that make it again in another worker:
/// what moving a session, or giving it a new worker, begins with. The contents of buffers and images, and events of
/// commands, are not in it.
///
/// A request counts until its object is released and nothing that was made of it is left; of a kernel's argument only the
/// last value counts. So the log is as large as what exists, not as long as the session. Ids are of one client, which
/// gives none twice, whatever the kind.
package struct CreationLog: Sendable {
    private struct Step: Sendable {
        /// Ascending in the order in which the client asked.
        var number: UInt64
        var request: OpenCLRequest
        /// Of source, binary and options.
        var bytes = 0
    }

    private struct Entry: Sendable {
        var kind: ObjectKind
        var steps: [Step]
        /// What these requests name, once each.
        var needs: Set<ObjectID> = []
        /// Of a kernel.
        var arguments: [UInt32: Step] = [:]
        /// Others that need this.
        var dependents = 0
        var isReleased = false
    }

    /// Bytes of sources, binaries and options that a log holds.
    package static let capacity = 64 << 20
    /// Requests on one program: who compiles one again and again, while others were linked of it, is not followed.
    package static let stepsPerObject = 256

    private var entries: [ObjectID: Entry] = [:]
    private var lastNumber: UInt64 = 0
    /// Bytes of sources, binaries and options in it.
    package private(set) var bytes = 0
    /// Whether it holds all that exists. Once it would be too large it holds nothing.
    package private(set) var isComplete = true

    package init() {}

    /// The objects that ``requests(call:)`` make, and those that these need.
    package var count: Int { entries.count }

    // MARK: Taking note

    /// Whether ``note(_:)`` does anything about such a request.
    package static func concerns(_ request: OpenCLRequest) -> Bool {
        switch request {
        case .createContext, .createQueue, .createBuffer, .createSubBuffer, .createImage, .createSampler,
            .createUserEvent, .createKernel, .createProgram, .linkProgram, .appendSource, .appendBinary, .buildProgram,
            .compileProgram, .loadBinary, .setUserEventStatus, .setArgument, .release:
            true
        case .writeBuffer, .readBuffer, .copyBuffer, .fillBuffer, .launchKernel, .marker, .flush, .finish,
            .waitForEvents, .queryEvent, .queryObject, .writeRectangle, .readRectangle, .copyRectangle, .watchEvent,
            .readBinary, .writeImage, .readImage, .copyImage, .fillImage, .queryFormats:
            false
        }
    }

    /// Takes note of a request that was sent. Others than creations, changes of what was created, and releases cost a
    /// look at their kind. O(1), but for releases, which may free what was only needed by what they release.
    package mutating func note(_ request: OpenCLRequest) {
        switch request {
        case .createContext(let id): create(id, .context, request)
        case .createQueue(let id, let context, _): create(id, .queue, request, needing: [context])
        case .createBuffer(let id, let context, _, _): create(id, .buffer, request, needing: [context])
        case .createSubBuffer(let id, let parent, _, _, _): create(id, .buffer, request, needing: [parent])
        case .createImage(let id, let context, _, let image):
            create(id, .buffer, request, needing: [context, image.buffer])
        case .createSampler(let id, let context, _): create(id, .sampler, request, needing: [context])
        case .createUserEvent(let id, let context): create(id, .event, request, needing: [context])
        case .createKernel(let id, let program, _): create(id, .kernel, request, needing: [program])
        case .createProgram(let id, let context): create(id, .program, request, needing: [context])
        case .linkProgram(_, let id, let context, let options, let inputs):
            create(id, .program, request, needing: inputs + [context], bytes: options.count)
        case .appendSource(let program, let piece), .appendBinary(let program, let piece):
            add(request, to: program, bytes: piece.count)
        case .buildProgram(_, let program, let options):
            forget(request.kind, of: program)
            add(request, to: program, bytes: options.count)
        case .compileProgram(_, let program, let options, let headers):
            forget(request.kind, of: program)
            add(request, to: program, needing: headers.map(\.program), bytes: options.count)
        case .loadBinary(_, let program): add(request, to: program)
        case .setUserEventStatus(let event, _): add(request, to: event)
        case .setArgument(let kernel, let index, _):
            guard isComplete else { return }
            lastNumber += 1
            entries[kernel]?.arguments[index] = Step(number: lastNumber, request: request)
        case .release(_, let id): release(id)
        default: break
        }
    }

    /// The same by the kind of its message. O(1).
    package static func concerns(kind: UInt16) -> Bool { kind < 64 && kinds >> UInt64(kind) & 1 == 1 }

    /// A bit for each kind that ``concerns(_:)`` is true of.
    private static let kinds: UInt64 = [1, 2, 3, 4, 5, 6, 7, 8, 9, 21, 25, 26, 28, 29, 30, 31, 33, 38].reduce(0) {
        $0 | 1 << $1
    }

    private mutating func create(
        _ id: ObjectID, _ kind: ObjectKind, _ request: OpenCLRequest, needing needs: [ObjectID] = [], bytes: Int = 0
    ) {
        guard isComplete, entries[id] == nil else { return }
        entries[id] = Entry(kind: kind, steps: [])
        add(request, to: id, needing: needs, bytes: bytes)
    }

    private mutating func add(
        _ request: OpenCLRequest, to id: ObjectID, needing needs: [ObjectID] = [], bytes: Int = 0
    ) {
        guard isComplete, var entry = entries[id] else { return }
        lastNumber += 1
        entry.steps.append(Step(number: lastNumber, request: request, bytes: bytes))
        self.bytes += bytes
        for need in needs where entries[need] != nil && entry.needs.insert(need).inserted {
            entries[need]?.dependents += 1
        }
        let isTooLong = entry.steps.count > Self.stepsPerObject
        entries[id] = entry
        if isTooLong || self.bytes > Self.capacity { giveUp() }
    }

    /// A program's last build counts, and its last compilation, unless others were made of one before it.
    private mutating func forget(_ kind: UInt16, of program: ObjectID) {
        guard let entry = entries[program], entry.dependents == 0 else { return }
        for step in entry.steps where step.request.kind == kind { bytes -= step.bytes }
        entries[program]?.steps.removeAll { $0.request.kind == kind }
    }

    private mutating func release(_ id: ObjectID) {
        entries[id]?.isReleased = true
        var unneeded = [id]
        while let next = unneeded.popLast() {
            guard let entry = entries[next], entry.isReleased, entry.dependents == 0 else { continue }
            entries[next] = nil
            for step in entry.steps { bytes -= step.bytes }
            for need in entry.needs {
                entries[need]?.dependents -= 1
                unneeded.append(need)
            }
        }
    }

    private mutating func giveUp() {
        (entries, bytes, isComplete) = ([:], 0, false)
    }

    // MARK: Making it again

    /// The requests that make again what exists, in the order in which they were made; last the releases of what only
    /// others need. Nil where the log is not complete. O(n log n).
    ///
    /// - Parameter call: the number under which the next answer is awaited; those of old requests have been used.
    package func requests(call: () -> CallID) -> [OpenCLRequest]? {
        guard isComplete else { return nil }
        var steps: [Step] = []
        for entry in entries.values {
            steps += entry.steps
            steps += entry.arguments.values.filter { hasValue($0.request) }
        }
        steps.sort { $0.number < $1.number }
        let released = entries.filter(\.value.isReleased).sorted {
            ($0.value.steps.first?.number ?? 0) > ($1.value.steps.first?.number ?? 0)
        }
        return steps.map { $0.request.renumbered(call) } + released.map { .release($0.value.kind, $0.key) }
    }

    /// False of an argument whose buffer or sampler is gone: a kernel does not keep it, so that no launch may use it.
    private func hasValue(_ request: OpenCLRequest) -> Bool {
        guard case .setArgument(_, _, let argument) = request else { return true }
        switch argument {
        case .buffer(let id): return id == .none || entries[id].map { !$0.isReleased } ?? false
        case .sampler(let id): return entries[id].map { !$0.isReleased } ?? false
        case .value, .local: return true
        }
    }
}

extension OpenCLRequest {
    /// The same as another call, if it is one that a creation takes.
    fileprivate func renumbered(_ call: () -> CallID) -> OpenCLRequest {
        switch self {
        case .buildProgram(_, let program, let options): .buildProgram(call(), program: program, options: options)
        case .compileProgram(_, let program, let options, let headers):
            .compileProgram(call(), program: program, options: options, headers: headers)
        case .linkProgram(_, let id, let context, let options, let inputs):
            .linkProgram(call(), id, context: context, options: options, inputs: inputs)
        case .loadBinary(_, let program): .loadBinary(call(), program: program)
        default: self
        }
    }
}
