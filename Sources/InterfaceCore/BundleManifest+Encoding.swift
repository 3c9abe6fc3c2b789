import FleetModel

/// The canonical bytes of a manifest, formats 1 to 3. Integers are big-endian; a text is its length in bytes (16 bits) and
/// then UTF-8; a list is its count (16 bits) and then its entries.
///
/// | field | type |
/// |---|---|
/// | magic | 4 bytes, `PSBM` |
/// | format | 16 bits, 1 to 3 |
/// | kind, version | text, text |
/// | operating system, architecture, libc | text, text, text |
/// | lowest and highest wire revision | 32 bits, 32 bits |
/// | required capabilities | list of text |
/// | files | list of: path (text), role (8 bits), size (64 bits), digest (32 bytes) |
/// | tested with | list of digests (32 bytes) |
/// | from format 2 on: least version of the C library | text |
/// | from format 2 on: capabilities | list of text |
/// | in format 3: least version of OpenCL, empty for any | text |
/// | in format 3: drivers | list of: vendor (text), least version (text) |
///
/// A manifest is in the lowest format that can say it: what could be said before has the digest that it had before. There is one encoding for each manifest: a decoder refuses lists that are not in order, versions that are not
/// written as they print, and bytes after the end.
extension BundleManifest {
    /// More than any valid manifest takes.
    package static let maximumEncodedSize = 128 << 10
    private static let magic: [UInt8] = Array("PSBM".utf8)
    private var format: UInt16 {
        if deviceNeeds != .none { return 3 }
        return leastLibcVersion.isEmpty && capabilities.isEmpty ? 1 : 2
    }

    /// O(size)
    package func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.append(integer: format)
        for text in [
            kind, version.description, platform.operatingSystem, platform.architecture, platform.libc,
        ] { bytes.append(text: text) }
        bytes.append(integer: wireRevisions.lowerBound)
        bytes.append(integer: wireRevisions.upperBound)
        bytes.append(integer: UInt16(requiredCapabilities.count))
        for capability in requiredCapabilities { bytes.append(text: capability) }
        bytes.append(integer: UInt16(files.count))
        for file in files {
            bytes.append(text: file.path.text)
            bytes.append(file.role.rawValue)
            bytes.append(integer: UInt64(file.size))
            bytes += file.digest.bytes
        }
        bytes.append(integer: UInt16(testedWith.count))
        for digest in testedWith { bytes += digest.bytes }
        guard format >= 2 else { return bytes }
        bytes.append(text: leastLibcVersion)
        bytes.append(integer: UInt16(capabilities.count))
        for capability in capabilities { bytes.append(text: capability) }
        guard format >= 3 else { return bytes }
        bytes.append(text: deviceNeeds.leastOpenCL?.description ?? "")
        bytes.append(integer: UInt16(deviceNeeds.drivers.count))
        for driver in deviceNeeds.drivers {
            bytes.append(text: driver.vendor)
            bytes.append(text: driver.least.description)
        }
        return bytes
    }

    /// Reads canonical bytes; whatever the bytes are, it ends, and takes memory in proportion to them.
    package init(decoding bytes: [UInt8]) throws(ManifestError) {
        guard bytes.count <= Self.maximumEncodedSize else {
            throw ManifestError(.malformed, "\(bytes.count) bytes are more than a manifest has")
        }
        var reader = ManifestReader(bytes)
        guard try Array(reader.read(count: 4)) == Self.magic else {
            throw ManifestError(.malformed, "these are not the bytes of a manifest")
        }
        let format = try reader.readInteger(UInt16.self)
        guard (1...3).contains(format) else {
            throw ManifestError(.format, "format \(format), where this build reads 1 to 3")
        }
        let kind = try reader.readText(maximum: 32)
        let versionText = try reader.readText(maximum: 64)
        guard let version = SemanticVersion(versionText) else {
            throw ManifestError(.version, "the version \(versionText.debugDescription)")
        }
        let platform = try reader.readPlatform()
        let lowest = try reader.readInteger(UInt32.self)
        let highest = try reader.readInteger(UInt32.self)
        guard lowest <= highest else { throw ManifestError(.malformed, "wire revisions \(lowest) to \(highest)") }
        let required = try reader.readCapabilities()
        let files = try reader.readList(maximum: Self.maximumFiles) { reader throws(ManifestError) in
            try reader.readFile()
        }
        let testedWith = try reader.readList(maximum: Self.maximumTestedWith) { reader throws(ManifestError) in
            try reader.readDigest()
        }
        let leastLibcVersion = format >= 2 ? try reader.readText(maximum: 32) : ""
        let capabilities = format >= 2 ? try reader.readCapabilities() : []
        let deviceNeeds = format >= 3 ? try reader.readDeviceNeeds() : .none
        try self.init(
            kind: kind, version: version, platform: platform, wireRevisions: lowest...highest,
            requiredCapabilities: required, files: files, testedWith: testedWith, leastLibcVersion: leastLibcVersion,
            capabilities: capabilities, deviceNeeds: deviceNeeds)
        guard encoded() == bytes else { throw ManifestError(.notCanonical, "the bytes are not in canonical form") }
    }
}

/// Reads a manifest's fields from front to back.
private struct ManifestReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func read(count: Int) throws(ManifestError) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw ManifestError(.malformed, "the bytes end within a field") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func readInteger<Integer: FixedWidthInteger & UnsignedInteger>(
        _ type: Integer.Type
    ) throws(ManifestError) -> Integer {
        try read(count: Integer.bitWidth / 8).reduce(0) { $0 << 8 | Integer($1) }
    }

    mutating func readText(maximum: Int) throws(ManifestError) -> String {
        let count = Int(try readInteger(UInt16.self))
        guard count <= maximum, let text = String(validating: try read(count: count), as: UTF8.self) else {
            throw ManifestError(.malformed, "a text of \(count) bytes, or one that is not UTF-8")
        }
        return text
    }

    mutating func readList<Entry>(
        maximum: Int, _ readEntry: (inout Self) throws(ManifestError) -> Entry
    ) throws(ManifestError) -> [Entry] {
        let count = Int(try readInteger(UInt16.self))
        guard count <= maximum else { throw ManifestError(.tooMany, "a list of \(count), where \(maximum) may be") }
        var entries: [Entry] = []
        for _ in 0..<count { entries.append(try readEntry(&self)) }
        return entries
    }

    mutating func readCapabilities() throws(ManifestError) -> [String] {
        try readList(maximum: BundleManifest.maximumCapabilities) { reader throws(ManifestError) in
            try reader.readText(maximum: 128)
        }
    }

    mutating func readDeviceNeeds() throws(ManifestError) -> DeviceNeeds {
        let text = try readText(maximum: 64)
        let leastOpenCL = DottedVersion(text)
        guard text.isEmpty || leastOpenCL != nil else {
            throw ManifestError(.version, "the version of OpenCL \(text.debugDescription)")
        }
        let drivers = try readList(maximum: DeviceNeeds.maximumDrivers) { reader throws(ManifestError) in
            let vendor = try reader.readText(maximum: 64)
            let least = try reader.readText(maximum: 64)
            guard let version = DottedVersion(least), let driver = DeviceNeeds.Driver(vendor: vendor, least: version)
            else { throw ManifestError(.malformed, "a driver of \(vendor.debugDescription)") }
            return driver
        }
        return DeviceNeeds(leastOpenCL: leastOpenCL, drivers: drivers)
    }

    mutating func readPlatform() throws(ManifestError) -> BundlePlatform {
        let operatingSystem = try readText(maximum: 32)
        let architecture = try readText(maximum: 32)
        let libc = try readText(maximum: 32)
        guard
            let platform = BundlePlatform(operatingSystem: operatingSystem, architecture: architecture, libc: libc)
        else { throw ManifestError(.platform, "a malformed platform") }
        return platform
    }

    mutating func readFile() throws(ManifestError) -> BundleFile {
        let text = try readText(maximum: BundlePath.maximumLength)
        guard let path = BundlePath(text) else {
            throw ManifestError(.path, "the path \(text.debugDescription)")
        }
        guard let role = BundleFile.Role(rawValue: try readInteger(UInt8.self)) else {
            throw ManifestError(.role, "an unknown role for \(path)")
        }
        guard let size = Int64(exactly: try readInteger(UInt64.self)) else {
            throw ManifestError(.size, "\(path) has more bytes than a file can have")
        }
        return BundleFile(path: path, role: role, size: size, digest: try readDigest())
    }

    mutating func readDigest() throws(ManifestError) -> ContentDigest {
        guard let digest = ContentDigest(bytes: try read(count: 32)) else {
            throw ManifestError(.malformed, "a digest that is not of 32 bytes")
        }
        return digest
    }
}

extension [UInt8] {
    fileprivate mutating func append(integer: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: integer.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: integer >> shift))
        }
    }

    fileprivate mutating func append(text: String) {
        append(integer: UInt16(text.utf8.count))
        append(contentsOf: text.utf8)
    }
}
