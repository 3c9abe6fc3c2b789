package import FleetModel
package import StateStore

/// What a GPU server remembers for one device over a restart: the epoch below which nothing is obeyed.
///
/// 40 bytes: `PRSE`, format revision, device index, term, counter, and a checksum of all before it (FNV-1a, 64 bits, by
/// Fowler, Noll and Vo), all little-endian. The file is replaced whole, and durable before ``write(_:for:in:)`` returns.
package enum EpochFile {
    static let length = 40
    private static let magic: UInt32 = 0x4553_5250
    private static let revision: UInt32 = 1

    static func path(of device: DeviceID, in directory: String) -> String { "\(directory)/epoch-\(device.index)" }

    /// The remembered epoch; ``Epoch/zero`` where there is no file yet.
    ///
    /// A file that is damaged is an error and not zero: a server that forgot its epoch would obey a manager that it
    /// must refuse.
    package static func read(_ device: DeviceID, in directory: String) throws(StateFile.Failure) -> Epoch {
        let path = path(of: device, in: directory)
        guard let bytes = try StateFile.read(path, atMost: length + 1) else { return .zero }
        guard let epoch = decode(bytes[...], index: device.index) else {
            throw StateFile.Failure(
                description: "\(path) is damaged; restore it, or remove it once no manager of before can return")
        }
        return epoch
    }

    /// Replaces the remembered epoch; durable when this returns. Costs two or three flushes of the disk.
    package static func write(_ epoch: Epoch, for device: DeviceID, in directory: String) throws(StateFile.Failure) {
        try StateFile.replace(path(of: device, in: directory), with: encode(epoch, index: device.index))
    }

    static func encode(_ epoch: Epoch, index: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        append(magic, to: &bytes)
        append(revision, to: &bytes)
        append(UInt64(index), to: &bytes)
        append(epoch.term, to: &bytes)
        append(epoch.counter, to: &bytes)
        append(checksum(bytes[...]), to: &bytes)
        return bytes
    }

    /// Nil unless the bytes are whole and of this device.
    static func decode(_ bytes: ArraySlice<UInt8>, index: Int) -> Epoch? {
        guard bytes.count == length, number(bytes, 0, 4) == UInt64(magic), number(bytes, 4, 4) == UInt64(revision),
            number(bytes, 8, 8) == UInt64(index), number(bytes, 32, 8) == checksum(bytes.prefix(32))
        else { return nil }
        return Epoch(term: number(bytes, 16, 8), counter: number(bytes, 24, 8))
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ size: Int) -> UInt64 {
        bytes.dropFirst(offset).prefix(size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
