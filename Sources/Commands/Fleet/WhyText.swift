import Dashboard
import FleetModel

/// An explanation in sentences.
struct WhyText {
    private let told: AllocationExplanation

    init(_ told: AllocationExplanation) { self.told = told }

    /// What it has; why not more; what operators have ordered; what would help.
    var sentences: [String] {
        [has, decision] + told.notes.map { "Note: \($0)." }
            + ["What would help: " + Self.change(told.change, within: reserveSeconds) + "."]
    }

    /// How far ahead the probability of a reservation looks.
    var reserveSeconds: Int? { told.steps.first { $0.level == .reserved }?.horizonSeconds }

    private var has: String {
        let place = told.device.map { " on \($0)" } ?? ""
        let amount = told.held >= .reserved ? " with \(Self.amount(told.slice))" : ""
        let level = told.held <= .staged ? "nothing that is prepared" : "\(told.held)\(place)\(amount)"
        return "\(told.instance) (\(told.priority.name)) has: \(level)."
    }

    private var decision: String {
        let wanted =
            told.isAsked
            ? "A program waits for \(Self.amount(told.needed))"
            : "Its forecast justifies: \(told.wanted <= .staged ? "nothing" : told.wanted.description)"
        let reason = told.reason.isEmpty ? "" : ": \(told.reason)"
        return "\(wanted). \(outcome)\(reason)."
    }

    private var outcome: String {
        switch told.decision {
        case .inUse: "A program uses what it has"
        case .changing: "A command for what it has is under way"
        case .settled: "It has what it should have"
        case .inGrace: "It keeps what it has for now"
        case .raised: "It gets that at the next step"
        case .givenBack: "What it has is given back"
        case .improbable: "More is not justified: its probability is below the bar"
        case .short: "More is wanted and not possible"
        case .recorded: "It would get that at the next step, and the manager only records it"
        case .paused: "Its sessions fail to open, so that the next is tried a few seconds later"
        }
    }

    /// The change as a fragment that ends a sentence.
    static func change(_ change: SmallestChange, within seconds: Int?) -> String {
        switch change {
        case .nothing: "nothing is needed"
        case .room(let slice, let device): "\(room(slice)) free on \(device)"
        case .available(let device): "the GPU server of \(device) being back"
        case .device(let slice): "another device, with \(amount(slice))"
        case .quota(let memory): "\(memory.inWholeUnits) more in the quota of its tenant"
        case .idleBudget(let memory): "\(memory.inWholeUnits) more in the idle budget of its class"
        case .sharedVersion: "an interface version that both ends have"
        case .probability(let least):
            "nothing of the pool: the forecast does not justify a reservation; from a probability of "
                + "\(Quantity.decimal(least, digits: 3))\(seconds.map { " within \($0) s" } ?? "") on it would"
        case .request: "no forecast at this price and confidence; a program that asks is served at once"
        }
    }

    private static func room(_ slice: Slice) -> String {
        var parts: [String] = []
        if slice.memory > .zero { parts.append("\(slice.memory.inWholeUnits) more memory") }
        if slice.compute > .zero { parts.append("\(slice.compute.rawValue)/1000 more compute") }
        return parts.joined(separator: " and ")
    }

    private static func amount(_ slice: Slice) -> String {
        slice.memory.inWholeUnits + (slice.compute > .zero ? " and \(slice.compute.rawValue)/1000 compute" : "")
    }

    static func verdict(_ device: ConsideredDevice) -> String {
        switch device.verdict {
        case .fits: "fits"
        case .short: "short by " + shortage(device.missing)
        case .tooSmall: "too small even when empty"
        case .away: "its GPU server is away" + alsoShort(device.missing)
        case .noVersion: "no interface version is shared with its GPU server" + alsoShort(device.missing)
        case .sibling: "another of its virtual GPUs is there"
        }
    }

    private static func alsoShort(_ missing: Slice) -> String {
        missing == .zero ? "" : ", short by " + shortage(missing)
    }

    private static func shortage(_ slice: Slice) -> String {
        var parts: [String] = []
        if slice.memory > .zero { parts.append(slice.memory.inWholeUnits) }
        if slice.compute > .zero { parts.append("\(slice.compute.rawValue)/1000 compute") }
        return parts.joined(separator: " and ")
    }

    static func verdict(_ other: ConsideredReservation) -> String {
        switch other.verdict {
        case .takeable: "yes"
        case .coming: "it is changing or on its way back"
        case .protected: "no: its class may not be taken from"
        case .notLower: "no: its class is not lower"
        case .takerMayNot: "no: this instance's class may not take"
        }
    }
}
