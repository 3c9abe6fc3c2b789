import COpenCL
import Glibc

// The symbols that an ICD loader looks for in this library; everything else it reaches through the dispatch table.

@c(clGetExtensionFunctionAddress)
package func exportedExtensionFunctionAddress(_ name: UnsafePointer<CChar>?) -> UnsafeMutableRawPointer? {
    extensionFunctionAddress(name)
}

@c(clIcdGetPlatformIDsKHR)
package func exportedPlatformIDs(
    _ count: UInt32, _ platforms: UnsafeMutablePointer<OpaquePointer?>?, _ found: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    getPlatformIDs(count, platforms, found)
}

@c(clGetPlatformInfo)
package func exportedPlatformInfo(
    _ platform: OpaquePointer?, _ name: UInt32, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> Int32 {
    getPlatformInfo(platform, name, size, value, sizeReturned)
}

/// The address of an extension's function, nil for one that this library does not have.
func extensionFunctionAddress(_ name: UnsafePointer<CChar>?) -> UnsafeMutableRawPointer? {
    guard let name else { return nil }
    switch String(cString: name) {
    case "clIcdGetPlatformIDsKHR":
        let function:
            @convention(c) (
                cl_uint, UnsafeMutablePointer<cl_platform_id?>?, UnsafeMutablePointer<cl_uint>?
            ) -> cl_int = getPlatformIDs
        return unsafeBitCast(function, to: UnsafeMutableRawPointer.self)
    case "clGetSessionFactsPRESYNC":
        let function:
            @convention(c) (
                UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt64>?
            ) -> cl_int = getSessionFacts
        return unsafeBitCast(function, to: UnsafeMutableRawPointer.self)
    default:
        return nil
    }
}
