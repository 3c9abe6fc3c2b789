import FleetModel

/// The pool: for each device bars of what is reserved and used, on one line where the screen is wide enough.
struct PoolSection {
    var width: Int

    func lines(_ devices: [DeviceOverview]) -> [StyledLine] {
        var lines = [StyledLine("POOL", .strong)]
        if devices.isEmpty { lines.append(StyledLine("  no GPU server is connected", .warning)) }
        return lines + devices.flatMap(self.lines)
    }

    private func lines(_ device: DeviceOverview) -> [StyledLine] {
        let bar = min(20, max(6, (width - 90) / 2))
        let isCompact = width < 100
        var memory = StyledLine("  ")
        memory.append(device.description.id.description, columns: isCompact ? 8 : 12)
        memory.append(" mem ")
        let total = Double(max(1, device.description.memory.rawValue))
        memory.append(Glyphs.bar(Double(device.reservedMemory.rawValue) / total, width: bar), .good)
        memory.append(" \(Quantity.bytes(device.reservedMemory)) of \(Quantity.bytes(device.description.memory))")
        memory.append(", used \(Quantity.bytes(device.usedMemory))", .faint)
        var compute = StyledLine("gpu ")
        compute.append(Glyphs.bar(Double(device.reservedCompute.rawValue) / 1_000, width: bar), .notice)
        compute.append(" \(Quantity.percent(device.reservedCompute))")
        if !isCompact { compute.append(", used \(Quantity.percent(device.usedCompute))", .faint) }
        let sessions = StyledLine(
            "warm \(device.warmSessions), reserved \(device.reservedSessions), attached \(device.attachedSessions)")
        let model =
            device.available ? StyledLine(device.description.model, .faint) : StyledLine("not available", .bad)
        return StyledLine.flowed([memory, compute, sessions, model], width: width, indent: isCompact ? 11 : 15)
    }
}
