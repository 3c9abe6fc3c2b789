/// What a client answers about platform and device without asking: values of `clGetPlatformInfo` and
/// `clGetDeviceInfo` as a 64-bit little-endian host sees them. Values that are handles are left out; the client
/// answers those itself.
package struct DeviceInformation: Hashable, Sendable {
    package var platform: ParameterTable
    package var device: ParameterTable

    package init(platform: ParameterTable = ParameterTable(), device: ParameterTable = ParameterTable()) {
        self.platform = platform
        self.device = device
    }

    /// The blob of a ``SessionAcceptance``. Not above ``SessionLimits/deviceInformation``: what does not fit in is
    /// left out, highest parameters first.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 16 << 10)
        writer.write(platform, maximum: SessionLimits.deviceInformation / 2)
        writer.write(device, maximum: SessionLimits.deviceInformation / 2)
        return writer.bytes
    }

    package init(encoded bytes: [UInt8]) throws(RemotingError) {
        guard bytes.count <= SessionLimits.deviceInformation else {
            throw RemotingError(.oversized, "device information of \(bytes.count) bytes")
        }
        var reader = ByteReader(bytes)
        platform = try reader.readParameters()
        device = try reader.readParameters()
        try reader.finish()
    }
}

/// Values by parameter, at most 512, each at most 64 KiB.
package struct ParameterTable: Hashable, Sendable {
    /// Ascending by parameter, each once.
    package private(set) var entries: [Entry] = []

    package struct Entry: Hashable, Sendable {
        package var parameter: UInt32
        package var value: [UInt8]
    }

    package init() {}

    /// The value of `parameter`, nil when there is none. Setting a value beyond the bounds does nothing. O(log n) to
    /// read, O(n) to set.
    package subscript(parameter: UInt32) -> [UInt8]? {
        get {
            let index = position(of: parameter)
            guard index < entries.count, entries[index].parameter == parameter else { return nil }
            return entries[index].value
        }
        set {
            let index = position(of: parameter)
            let exists = index < entries.count && entries[index].parameter == parameter
            guard let newValue else {
                if exists { entries.remove(at: index) }
                return
            }
            guard newValue.count <= OpenCLInterface.deviceParameterValue else { return }
            if exists {
                entries[index].value = newValue
            } else if entries.count < OpenCLInterface.deviceParameters {
                entries.insert(Entry(parameter: parameter, value: newValue), at: index)
            }
        }
    }

    /// The index of the first entry that is not below `parameter`.
    private func position(of parameter: UInt32) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].parameter < parameter { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ table: ParameterTable, maximum: Int) {
        var size = 4
        let kept = table.entries.prefix { entry in
            size += 8 + entry.value.count
            return size <= maximum
        }
        write(UInt32(kept.count))
        for entry in kept {
            write(entry.parameter)
            write(blob: entry.value)
        }
    }
}

extension ByteReader {
    fileprivate mutating func readParameters() throws(RemotingError) -> ParameterTable {
        var table = ParameterTable()
        var last: UInt32?
        for _ in 0..<(try readCount(maximum: OpenCLInterface.deviceParameters)) {
            let parameter: UInt32 = try read()
            guard last.map({ $0 < parameter }) ?? true else {
                throw RemotingError(.malformed, "device parameters out of order")
            }
            last = parameter
            table[parameter] = Array(try readBlob(maximum: OpenCLInterface.deviceParameterValue))
        }
        return table
    }
}
