import RemotingCore

/// Errors of requests that are not answered, until an answer carries them: per queue, and for objects of no queue.
/// Each list keeps its oldest 16.
struct DeferredErrors {
    private var byQueue: [ObjectID: [DeferredError]] = [:]
    private var ofObjects: [DeferredError] = []

    var isEmpty: Bool { byQueue.isEmpty && ofObjects.isEmpty }

    /// An error of a creation or a change: it comes with the next answer of any queue.
    mutating func add(object: ObjectID, request: UInt16, _ failure: OpenCLFailure) {
        guard ofObjects.count < OpenCLInterface.deferredErrors else { return }
        ofObjects.append(DeferredError(request: request, object: object, code: failure.code))
    }

    /// An error of a command. A queue that the client made up gets no list of its own.
    mutating func add(queue: ObjectID, exists: Bool, request: UInt16, _ failure: OpenCLFailure) {
        guard exists else { return add(object: queue, request: request, failure) }
        add([DeferredError(request: request, object: queue, code: failure.code)])
    }

    /// Errors of commands, each on the queue that it names.
    mutating func add(_ errors: [DeferredError]) {
        for error in errors where byQueue[error.object, default: []].count < OpenCLInterface.deferredErrors {
            byQueue[error.object, default: []].append(error)
        }
    }

    /// What an answer of `queue` carries.
    mutating func take(queue: ObjectID) -> [DeferredError] {
        defer { ofObjects = [] }
        return Array((ofObjects + (byQueue.removeValue(forKey: queue) ?? [])).prefix(OpenCLInterface.deferredErrors))
    }

    /// What an answer of no queue carries.
    mutating func takeAll() -> [DeferredError] {
        defer { (ofObjects, byQueue) = ([], [:]) }
        let ofQueues = byQueue.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap(\.value)
        return Array((ofObjects + ofQueues).prefix(OpenCLInterface.deferredErrors))
    }

    mutating func forget(queue: ObjectID) {
        byQueue[queue] = nil
    }
}
