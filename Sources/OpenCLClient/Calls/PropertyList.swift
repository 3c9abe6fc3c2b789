import COpenCL

/// A list of properties as the calls since OpenCL 2.0 take it: pairs of a name and a value of 64 bits, then a 0.
struct PropertyList {
    private var values: [UInt64: UInt64] = [:]
    /// The list as the program gave it, with its closing 0; empty where it gave none.
    private(set) var bytes = InfoValue(bytes: [])

    /// Throws `code` for a name that is not one of `known`, or is there twice.
    init(
        _ list: UnsafePointer<UInt64>?, of known: [UInt64], or code: cl_int = CL_INVALID_VALUE
    ) throws(OpenCLError) {
        guard var next = list else { return }
        var all: [UInt64] = []
        while next[0] != 0 {
            try require(known.contains(next[0]) && values[next[0]] == nil, or: code)
            values[next[0]] = next[1]
            all += [next[0], next[1]]
            next += 2
        }
        bytes = .numbers(all + [0])
    }

    subscript(name: UInt64) -> UInt64? { values[name] }
}
