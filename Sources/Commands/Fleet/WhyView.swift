import Dashboard
import FleetModel

/// One instance's explanation, as `presync why` writes it.
struct WhyView: RenderableAnswer {
    struct Amount: Encodable {
        var memoryBytes: Int64
        var computeMilli: Int32

        init(_ slice: Slice) {
            memoryBytes = slice.memory.rawValue
            computeMilli = slice.compute.rawValue
        }
    }

    struct Step: Encodable {
        var level: String
        var horizonSeconds: Int
        var probability: Double
        var confidence: Double
        /// What probability × confidence must reach; above 1 never.
        var bar: Double
        var isJustified: Bool
        /// The bar's parts.
        var shareOfDevice: Double
        var pricePerIdleSecond: Double
        var poolLoad: Double
        var savedMilliseconds: Double
        var weight: Double
    }

    struct Device: Encodable {
        var device: String
        var verdict: String
        var freeMemoryBytes: Int64
        var freeComputeMilli: Int32
        var missing: Amount
        var warmSessions: Int
        var isWarmFull: Bool
    }

    struct Reservation: Encodable {
        var instance: String
        var grant: String
        var device: String
        var held: Amount
        var priorityClass: String
        var verdict: String
    }

    struct Change: Encodable {
        var kind: String
        var amount: Amount?
        var device: String?
        var probability: Double?
        var text: String
    }

    var instance: String
    var priorityClass: String
    var held: String
    var heldAmount: Amount
    var device: String?
    var wanted: String
    var isAsked: Bool
    var needed: Amount
    var decision: String
    var reason: String
    var steps: [Step]
    var devices: [Device]
    /// There may be more than are listed.
    var deviceCount: Int
    var reservations: [Reservation]
    var reservationCount: Int
    var smallestChange: Change
    /// What operators have ordered that bears on it, and where in the queue its program waits.
    var notes: [String]

    private let told: AllocationExplanation

    private enum CodingKeys: CodingKey {
        case instance, priorityClass, held, heldAmount, device, wanted, isAsked, needed, decision, reason, steps,
            devices
        case deviceCount, reservations, reservationCount, smallestChange, notes
    }

    init(_ told: AllocationExplanation) {
        self.told = told
        instance = told.instance.rawValue
        priorityClass = told.priority.name.rawValue
        held = told.held.description
        heldAmount = Amount(told.slice)
        device = told.device?.description
        wanted = told.wanted.description
        isAsked = told.isAsked
        needed = Amount(told.needed)
        decision = told.decision.rawValue
        reason = told.reason
        steps = told.steps.map { step in
            Step(
                level: step.level.description, horizonSeconds: step.horizonSeconds, probability: step.probability,
                confidence: step.confidence, bar: step.bar, isJustified: step.isJustified, shareOfDevice: step.share,
                pricePerIdleSecond: step.price, poolLoad: step.load, savedMilliseconds: step.savedMs,
                weight: step.weight)
        }
        devices = told.devices.map { device in
            Device(
                device: device.device.description, verdict: device.verdict.rawValue,
                freeMemoryBytes: device.freeMemory.rawValue, freeComputeMilli: device.freeCompute.rawValue,
                missing: Amount(device.missing), warmSessions: device.warmSessions, isWarmFull: device.isWarmFull)
        }
        deviceCount = told.deviceCount
        reservations = told.reservations.map { other in
            Reservation(
                instance: other.instance.rawValue, grant: other.grant.description, device: other.device.description,
                held: Amount(other.slice), priorityClass: other.priorityClass.rawValue, verdict: other.verdict.rawValue)
        }
        reservationCount = told.reservationCount
        smallestChange = Change(told.change, within: WhyText(told).reserveSeconds)
        notes = told.notes
    }

    func table() -> TextTable {
        var table = TextTable(titles: ["DEVICE", "FREE MEM", "FREE GPU", "WARM", "VERDICT"], emptyText: "No devices.")
        table.rows = told.devices.map { device in
            [
                TextTable.Cell(device.device.description), TextTable.Cell(Quantity.bytes(device.freeMemory)),
                TextTable.Cell(Quantity.percent(device.freeCompute)),
                TextTable.Cell("\(device.warmSessions)" + (device.isWarmFull ? ", full" : "")),
                TextTable.Cell(WhyText.verdict(device), device.verdict == .fits ? .good : .plain),
            ]
        }
        return table
    }

    func lines(header: Bool, width: Int) -> [StyledLine] {
        var lines = WhyText(told).sentences.flatMap { Self.wrapped($0, width: width) }
        lines += [StyledLine()] + stepTable().lines(header: header) + [StyledLine()] + table().lines(header: header)
        lines += Self.remainder(devices.count, of: deviceCount, "devices")
        if !reservations.isEmpty {
            lines += [StyledLine()] + reservationTable().lines(header: header)
            lines += Self.remainder(reservations.count, of: reservationCount, "reservations")
        }
        return lines
    }

    /// A sentence in lines of at most `width` columns, as far as its words allow; further lines are indented.
    private static func wrapped(_ sentence: String, width: Int) -> [StyledLine] {
        var lines: [String] = []
        for word in sentence.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append((lines.isEmpty ? "" : "  ") + word)
            }
        }
        return lines.map { StyledLine($0) }
    }

    private static func remainder(_ shown: Int, of count: Int, _ what: String) -> [StyledLine] {
        count > shown ? [StyledLine("and \(count - shown) more \(what)")] : []
    }

    private func stepTable() -> TextTable {
        var table = TextTable(titles: [
            "STEP", "P", "CONFIDENCE", "P × CONF", "BAR", "SHARE", "IDLE PRICE", "LOAD", "SAVES", "WEIGHT",
        ])
        table.rows = told.steps.map { step in
            let product = TextTable.Cell(
                Quantity.decimal(step.probability * step.confidence, digits: 3), step.isJustified ? .good : .warning)
            return [
                TextTable.Cell("\(step.level), \(step.horizonSeconds) s"),
                TextTable.Cell(Quantity.decimal(step.probability, digits: 3)),
                TextTable.Cell(Quantity.decimal(step.confidence, digits: 3)), product,
                TextTable.Cell(Quantity.decimal(step.bar, digits: 4)),
                TextTable.Cell(Quantity.decimal(step.share, digits: 4)),
                TextTable.Cell(Quantity.decimal(step.price, digits: 5)), TextTable.Cell(Quantity.percent(step.load)),
                TextTable.Cell(Quantity.milliseconds(step.savedMs)),
                TextTable.Cell(Quantity.decimal(step.weight, digits: 1)),
            ]
        }
        return table
    }

    private func reservationTable() -> TextTable {
        var table = TextTable(titles: ["UNUSED RESERVATION", "CLASS", "DEVICE", "MEMORY", "MAY IT BE TAKEN?"])
        table.rows = told.reservations.map { other in
            [
                TextTable.Cell("\(other.instance) \(other.grant)"), TextTable.Cell(other.priorityClass.rawValue),
                TextTable.Cell(other.device.description), TextTable.Cell(Quantity.bytes(other.slice.memory)),
                TextTable.Cell(WhyText.verdict(other)),
            ]
        }
        return table
    }
}

extension WhyView.Change {
    init(_ change: SmallestChange, within seconds: Int?) {
        text = WhyText.change(change, within: seconds)
        switch change {
        case .nothing: kind = "nothing"
        case .room(let slice, let device):
            kind = "room"
            amount = WhyView.Amount(slice)
            self.device = device.description
        case .available(let device):
            kind = "available"
            self.device = device.description
        case .device(let slice):
            kind = "device"
            amount = WhyView.Amount(slice)
        case .sharedVersion: kind = "shared-version"
        case .probability(let least):
            kind = "probability"
            probability = least
        case .request: kind = "request"
        case .quota(let memory):
            kind = "quota"
            amount = WhyView.Amount(Slice(memory: memory, compute: .zero))
        case .idleBudget(let memory):
            kind = "idle-budget"
            amount = WhyView.Amount(Slice(memory: memory, compute: .zero))
        }
    }
}
