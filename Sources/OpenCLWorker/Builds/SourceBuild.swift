import RemotingCore

/// A build or a compilation of a program's source: all that its outcome depends on, but for the device.
struct SourceBuild {
    enum Step: UInt8 {
        /// Compiles and links.
        case build
        /// Compiles without linking.
        case compile
    }

    var step: Step
    /// As they are given to the driver.
    var options: [UInt8]
    var source: [UInt8]
    var headers: [(name: String, source: [UInt8])] = []

    /// What it takes in ``encoded``, at least.
    var bytes: Int { headers.reduce(source.count + options.count) { $0 + $1.source.count + $1.name.utf8.count } }

    /// `u8` step, `blob` options, `blob` source, `u32` number of headers, each `text` name and `blob` source: types as on the
    /// wire of a session.
    var encoded: [UInt8] {
        var writer = ByteWriter(reservingCapacity: bytes + 64)
        writer.write(step.rawValue)
        writer.write(blob: options)
        writer.write(blob: source)
        writer.write(UInt32(headers.count))
        for header in headers {
            writer.write(text: header.name, maximum: OpenCLInterface.name)
            writer.write(blob: header.source)
        }
        return writer.bytes
    }

    /// Sources of a session are this long at most, all together (`SessionInterpreter.append`).
    static let greatestEncoding = 64 << 20

    init(step: Step, options: [UInt8], source: [UInt8], headers: [(name: String, source: [UInt8])] = []) {
        self.step = step
        self.options = options
        self.source = source
        self.headers = headers
    }

    /// Reads what ``encoded`` writes.
    init(encoded bytes: some Collection<UInt8>) throws(RemotingError) {
        var reader = ByteReader(Array(bytes))
        guard let step = Step(rawValue: try reader.read()) else {
            throw RemotingError(.malformed, "no step of a build")
        }
        self.step = step
        options = Array(try reader.readBlob(maximum: OpenCLInterface.buildOptions))
        source = Array(try reader.readBlob(maximum: OpenCLInterface.programSource))
        for _ in 0..<(try reader.readCount(maximum: OpenCLInterface.programHeaders)) {
            let name = try reader.readText(maximum: OpenCLInterface.name)
            headers.append((name, Array(try reader.readBlob(maximum: OpenCLInterface.programSource))))
        }
        try reader.finish()
    }

    /// What the build is known by: a hash of it and of the device that it is for.
    func digest(for device: [UInt8]) -> ProgramDigest {
        var writer = ByteWriter(reservingCapacity: bytes + device.count + 64)
        writer.write(blob: device)
        writer.write(bytes: encoded)
        return ProgramDigest(bytes: SHA256.hash(writer.bytes))
    }
}

/// A hash (SHA-256) of a build and its device.
struct ProgramDigest: Hashable, Sendable {
    static let length = SHA256.length
    let bytes: [UInt8]

    /// 64 digits.
    var text: String {
        String(decoding: bytes.flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
