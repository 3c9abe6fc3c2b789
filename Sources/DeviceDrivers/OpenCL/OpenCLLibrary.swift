package import COpenCL
import Synchronization

/// An OpenCL loader opened at run time: a machine without one gets an error that says so, and nothing is linked.
package struct OpenCLLibrary: Sendable {
    /// What OpenCL's loader is called where it is installed from a package.
    package static let standardPath = "libOpenCL.so.1"

    package let functions: OpenCLFunctions

    package init(path: String = Self.standardPath) throws(DeviceDriverError) {
        functions = try OpenCLFunctions(in: DynamicLibrary(path: path))
    }

    /// The loader's platforms, Presync's own left out: a virtual GPU is never served from a virtual GPU. Each comes
    /// with its place in the loader's list.
    package func platforms() throws(DeviceDriverError) -> [(index: Int, platform: OpenCLPlatform)] {
        var count: cl_uint = 0
        let status = listing.withLock { _ in functions.getPlatformIDs(0, nil, &count) }
        // The loader's answer where no driver is installed (cl_khr_icd): CL_PLATFORM_NOT_FOUND_KHR.
        if status == -1_001 { return [] }
        try Self.check(status, "clGetPlatformIDs")
        var handles = [cl_platform_id?](repeating: nil, count: Int(count))
        try Self.check(listing.withLock { _ in functions.getPlatformIDs(count, &handles, nil) }, "clGetPlatformIDs")
        return handles.enumerated().compactMap { index, handle in
            guard let handle else { return nil }
            let platform = OpenCLPlatform(handle: handle, functions: functions)
            return platform.isPresync ? nil : (index, platform)
        }
    }

    /// The device at those places in the loader's lists.
    package func device(platform: Int, device: Int) throws(DeviceDriverError) -> OpenCLDevice {
        guard let found = try platforms().first(where: { $0.index == platform })?.platform else {
            throw DeviceDriverError(.noDevice, "there is no OpenCL platform \(platform) on this host")
        }
        let devices = try found.devices()
        guard devices.indices.contains(device) else {
            throw DeviceDriverError(
                .noDevice, "OpenCL platform \(platform) (\(found.name)) has \(devices.count) devices, none at \(device)"
            )
        }
        return devices[device]
    }

    /// Throws unless `status` is `CL_SUCCESS`.
    package static func check(_ status: cl_int, _ call: String) throws(DeviceDriverError) {
        guard status == CL_SUCCESS else {
            throw DeviceDriverError(.callFailed(status), "\(call) failed with OpenCL error \(status)")
        }
    }
}

/// Held while platforms or devices are listed: PoCL 3.1 crashes when two threads make its first calls at once.
private let listing = Mutex<Void>(())

/// One platform of an OpenCL loader.
package struct OpenCLPlatform {
    package let handle: cl_platform_id
    package let functions: OpenCLFunctions

    package var name: String { text(CL_PLATFORM_NAME) }
    package var vendor: String { text(CL_PLATFORM_VENDOR) }

    var isPresync: Bool { name.hasPrefix("Presync") || vendor.hasPrefix("Presync") }

    /// Every device of the platform, in the driver's order.
    package func devices() throws(DeviceDriverError) -> [OpenCLDevice] {
        let all = cl_device_type(CL_DEVICE_TYPE_ALL)
        var count: cl_uint = 0
        let status = listing.withLock { _ in functions.getDeviceIDs(handle, all, 0, nil, &count) }
        if status == CL_DEVICE_NOT_FOUND { return [] }
        try OpenCLLibrary.check(status, "clGetDeviceIDs")
        var handles = [cl_device_id?](repeating: nil, count: Int(count))
        let listed = listing.withLock { _ in functions.getDeviceIDs(handle, all, count, &handles, nil) }
        try OpenCLLibrary.check(listed, "clGetDeviceIDs")
        return handles.compactMap { $0.map { OpenCLDevice(handle: $0, platform: self, functions: functions) } }
    }

    /// A property as its driver's raw bytes, or nil where the driver has none.
    package func property(_ parameter: cl_platform_info) -> [UInt8]? {
        readOpenCLValue { functions.getPlatformInfo(handle, parameter, $0, $1, $2) }
    }

    private func text(_ parameter: Int32) -> String {
        property(cl_platform_info(parameter)).map(textValue) ?? ""
    }
}

/// One device of an OpenCL platform.
package struct OpenCLDevice {
    package let handle: cl_device_id
    package let platform: OpenCLPlatform
    let functions: OpenCLFunctions

    /// A property as its driver's raw bytes, or nil where the driver has none.
    package func property(_ parameter: cl_device_info) -> [UInt8]? {
        readOpenCLValue { functions.getDeviceInfo(handle, parameter, $0, $1, $2) }
    }

    package func text(_ parameter: Int32) -> String {
        property(cl_device_info(parameter)).map(textValue) ?? ""
    }

    /// A property that is an unsigned integer of any width, or nil where the driver has none.
    package func number(_ parameter: Int32) -> UInt64? {
        guard let bytes = property(cl_device_info(parameter)), (1...8).contains(bytes.count) else { return nil }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The most that a value may take; a driver that claims more is not believed.
private let greatestValue = 16 << 20

/// The two calls that every OpenCL information function takes: for the size, then for that many bytes. Nil where the
/// driver has no such value.
package func readOpenCLValue(
    _ query: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int
) -> [UInt8]? {
    var size = 0
    guard query(0, nil, &size) == CL_SUCCESS, (0...greatestValue).contains(size) else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    let status = bytes.withUnsafeMutableBytes { query(size, $0.baseAddress, nil) }
    return status == CL_SUCCESS ? bytes : nil
}

/// The text of a property: its bytes up to the terminating zero, without the blanks that some drivers put around it.
private func textValue(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    guard let first = text.firstIndex(where: { !$0.isWhitespace }),
        let last = text.lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(text[first...last])
}
