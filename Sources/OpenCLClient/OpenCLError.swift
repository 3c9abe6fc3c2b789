import COpenCL

/// A negative code of the OpenCL API: the one kind of error in this module, because it is what callers get.
struct OpenCLError: Error, Hashable {
    let code: cl_int

    init(_ code: cl_int) { self.code = code }

    /// The session is lost, or there is none.
    static let deviceNotAvailable = OpenCLError(CL_DEVICE_NOT_AVAILABLE)
}

/// Throws `code` unless `condition` holds.
func require(_ condition: Bool, or code: cl_int) throws(OpenCLError) {
    guard condition else { throw OpenCLError(code) }
}
