import COpenCL
import RemotingCore

// MARK: - User events, and what waits for them

extension SessionInterpreter {
    /// Whether the request must wait for a user event: by its wait list, or because what it comes after does.
    func mustWait(_ request: OpenCLRequest) -> Bool {
        if waiting.isEmpty && openUserEvents == 0 { return false }
        switch request {
        // What is given up may still be needed by a request that came before.
        case .release: return !waiting.isEmpty
        case .finish(_, let queue): return waiting.hasCommands(of: queue)
        case .waitForEvents(_, let ids): return ids.contains(where: isOpen)
        default: break
        }
        guard let (queue, order) = request.command else { return false }
        if order.waitFor.contains(where: isOpen) { return true }
        guard waiting.hasCommands(of: queue) else { return false }
        if case .success(let held)? = queues[queue], !held.isOutOfOrder { return true }
        if case .marker = request, order.waitFor.isEmpty { return true }
        return waiting.hasBarriers(of: queue)
    }

    private func isOpen(_ id: ObjectID) -> Bool {
        guard case .success(let event)? = events[id] else { return false }
        return event.isOpen
    }

    /// Keeps a request until what it waits for has ended; one too many is refused, and one that waits for an event that
    /// there is not yet: that could come to wait for it.
    mutating func hold(_ request: OpenCLRequest, _ send: Send) throws(SessionEnd) {
        guard request.command?.order.waitFor.allSatisfy({ events[$0] != nil }) ?? true else {
            return try refuse(request, OpenCLFailure(CL_INVALID_EVENT_WAIT_LIST), send)
        }
        var entry = WaitingRequests.Entry(request: request, number: current)
        if case .launchKernel(let launch) = request, case .success(let kernel)? = kernels[launch.kernel] {
            entry.arguments = kernel.values
        }
        guard waiting.append(entry) else { return try refuse(request, OpenCLFailure(CL_OUT_OF_RESOURCES), send) }
        if let id = request.command?.order.event, id != .none { file(.success(.waiting), as: id) }
    }

    private mutating func refuse(
        _ request: OpenCLRequest, _ failure: OpenCLFailure, _ send: Send
    ) throws(SessionEnd) {
        switch request {
        case .release: change(request)
        case .finish(let call, _), .waitForEvents(let call, _):
            try answer(.completed(call, Completion(code: failure.code)), send)
        case .readBuffer(let call, let command):
            file(.failure(failure), as: command.order.event)
            try answer(.completed(call, Completion(code: failure.code)), send)
        case .readRectangle(let call, let command):
            file(.failure(failure), as: command.order.event)
            try answer(.completed(call, Completion(code: failure.code)), send)
        case .readImage(let call, let command):
            file(.failure(failure), as: command.order.event)
            try answer(.completed(call, Completion(code: failure.code)), send)
        default:
            guard let (queue, order) = request.command else { return }
            errors.add(queue: queue, exists: queues[queue] != nil, request: request.kind, failure)
            file(.failure(failure), as: order.event)
        }
    }

    /// Ends a user event, and carries out what has waited for it and need wait no more.
    mutating func end(_ id: ObjectID, status: Int32, _ request: OpenCLRequest, _ send: Send) throws(SessionEnd) {
        guard case .success(.user(let known))? = events[id], known > CL_COMPLETE, status <= CL_COMPLETE else {
            return errors.add(object: id, request: request.kind, OpenCLFailure(CL_INVALID_OPERATION))
        }
        events.replace(id, with: .success(.user(status: status)))
        openUserEvents -= 1
        let entries = waiting.entries
        waiting = WaitingRequests()
        let number = current
        defer { current = number }
        for entry in entries {
            current = entry.number
            if mustWait(entry.request) {
                // There was room for all of them.
                _ = waiting.append(entry)
            } else if case .launchKernel(let launch) = entry.request, let arguments = entry.arguments,
                case .success(let kernel)? = kernels[launch.kernel], kernel.values != arguments
            {
                let current = kernel.values
                set(arguments, of: launch.kernel)
                try perform(entry.request, send)
                set(current, of: launch.kernel)
            } else {
                try perform(entry.request, send)
            }
        }
    }

    /// A failure stays with the argument, and with it with the launch.
    private func set(_ arguments: [UInt32: KernelArgument], of kernel: ObjectID) {
        for (index, argument) in arguments { try? set(index, of: kernel, to: argument) }
    }

    // MARK: Watched events

    /// Answers at the event's end, which is now or found by ``answerWatches(_:)``.
    mutating func watch(_ call: CallID, _ id: ObjectID, _ send: Send) throws(SessionEnd) {
        guard watches.count < OpenCLInterface.objectsPerKind else {
            return try answer(.eventStatus(call, EventStatus(code: CL_OUT_OF_RESOURCES, status: 0)), send)
        }
        watches.append((call, id, current))
        try answerWatches(send)
    }

    mutating func answerWatches(_ send: Send) throws(SessionEnd) {
        var left: [(CallID, ObjectID, UInt64)] = []
        for (call, id, number) in watches {
            let status = status(of: id)
            if status.code == CL_SUCCESS, status.status > CL_COMPLETE {
                left.append((call, id, number))
            } else {
                try answer(.eventStatus(call, status), send)
            }
        }
        watches = left
    }
}
