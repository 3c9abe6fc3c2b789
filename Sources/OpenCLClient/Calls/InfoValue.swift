import COpenCL

/// Where a `clGet...Info` call puts its answer.
struct InfoDestination {
    let size: Int
    let value: UnsafeMutableRawPointer?
    let sizeReturned: UnsafeMutablePointer<Int>?

    init(_ size: Int, _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?) {
        self.size = size
        self.value = value
        self.sizeReturned = sizeReturned
    }

    func write(_ info: InfoValue) throws(OpenCLError) {
        if let value {
            try require(size >= info.bytes.count, or: CL_INVALID_VALUE)
            value.copyMemory(from: info.bytes, byteCount: info.bytes.count)
        }
        sizeReturned?.pointee = info.bytes.count
    }
}

/// The bytes of an answer, as a C program reads them.
struct InfoValue {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    static func number(_ value: some FixedWidthInteger) -> Self {
        Self(bytes: withUnsafeBytes(of: value) { Array($0) })
    }

    static func flag(_ value: Bool) -> Self { .number(cl_bool(value ? 1 : 0)) }

    static func handle(_ handle: OpaquePointer?) -> Self {
        .number(UInt(bitPattern: handle))
    }

    static func pointer(_ pointer: UnsafeMutableRawPointer?) -> Self {
        .number(UInt(bitPattern: pointer))
    }

    /// With the closing 0.
    static func text(_ text: String) -> Self { Self(bytes: Array(text.utf8) + [0]) }

    static func text(_ bytes: some Sequence<UInt8>) -> Self { Self(bytes: Array(bytes) + [0]) }

    static func numbers<Number: FixedWidthInteger>(_ values: [Number]) -> Self {
        Self(bytes: values.withUnsafeBytes { Array($0) })
    }
}
