import FleetModel

/// The pool: a line per device with bars of what is reserved and used.
struct PoolSection {
    var width: Int

    func lines(_ devices: [DeviceOverview]) -> [StyledLine] {
        var lines = [StyledLine("POOL", .strong)]
        if devices.isEmpty { lines.append(StyledLine("  no GPU server is connected", .warning)) }
        return lines + devices.map(line)
    }

    private func line(_ device: DeviceOverview) -> StyledLine {
        let bar = min(20, max(6, (width - 90) / 2))
        var line = StyledLine("  ")
        line.append(device.description.id.description, columns: 12)
        line.append(" mem ")
        let memory = Double(max(1, device.description.memory.rawValue))
        line.append(Glyphs.bar(Double(device.reservedMemory.rawValue) / memory, width: bar), .good)
        line.append(" \(Quantity.bytes(device.reservedMemory)) of \(Quantity.bytes(device.description.memory))")
        line.append(", used \(Quantity.bytes(device.usedMemory))", .faint)
        line.append("  gpu ")
        line.append(Glyphs.bar(Double(device.reservedCompute.rawValue) / 1_000, width: bar), .notice)
        line.append(" \(Quantity.percent(device.reservedCompute))")
        line.append(", used \(Quantity.percent(device.usedCompute))", .faint)
        line.append("  warm \(device.warmSessions) reserved \(device.reservedSessions)")
        line.append(" attached \(device.attachedSessions)  ")
        if device.available {
            line.append(device.description.model, .faint)
        } else {
            line.append("not available", .bad)
        }
        return line
    }
}
