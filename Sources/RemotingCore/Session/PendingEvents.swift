/// Events that the program has not taken yet. Bounded by what can be in it: data by the receive window, pongs by the
/// outstanding pings, one slice, one number of completed requests, one farewell.
struct PendingEvents: Sendable {
    private var events: [SessionStream.Event] = []
    private var taken = 0

    var isEmpty: Bool { taken == events.count }

    mutating func append(_ event: SessionStream.Event) {
        events.append(event)
    }

    /// Appends the slice, or puts it in the place of one that was not taken yet.
    mutating func replaceSlice(_ slice: SessionSlice) {
        let pending = events[taken...].firstIndex { event in
            if case .sliceChanged = event { true } else { false }
        }
        if let pending { events[pending] = .sliceChanged(slice) } else { append(.sliceChanged(slice)) }
    }

    /// Appends the number, or puts it in the place of one that was not taken yet.
    mutating func replaceCompleted(_ number: UInt64) {
        let pending = events[taken...].firstIndex { event in
            if case .completed = event { true } else { false }
        }
        if let pending { events[pending] = .completed(number) } else { append(.completed(number)) }
    }

    mutating func popFirst() -> SessionStream.Event? {
        guard taken < events.count else { return nil }
        let event = events[taken]
        // The payload must not stay referenced from here: its credit is given back.
        events[taken] = .pong(0)
        taken += 1
        if taken == events.count || taken == 64 {
            events.removeFirst(taken)
            taken = 0
        }
        return event
    }
}
