import FleetModel

/// What one worker may say, at most: a line that nobody asked for makes no event. Events wait without a bound for who
/// takes them, so that a worker that is its tenant's could otherwise fill the GPU server's memory.
struct AwaitedAnswers {
    /// Reports that a worker makes unasked: when its session opens, when a program has it, and when it ends.
    private static let ownReports = 3
    /// Questions that may wait for their answers.
    private static let greatestReports = 64

    private var reports = ownReports
    private var limit: Slice?

    /// The worker was asked for its status.
    mutating func askForReport() { reports = min(reports + 1, Self.greatestReports) }

    /// Whether a report is one that was asked for, or one of those that are not.
    mutating func takeReport() -> Bool {
        guard reports > 0 else { return false }
        reports -= 1
        return true
    }

    /// The worker was told to enforce this.
    mutating func ask(limit slice: Slice) { limit = slice }

    /// Whether the worker enforces what it was last told. An answer to what it was told before is nothing.
    mutating func take(limit slice: Slice) -> Bool {
        guard limit == slice else { return false }
        limit = nil
        return true
    }
}
