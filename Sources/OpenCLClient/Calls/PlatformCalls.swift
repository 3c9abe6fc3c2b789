import COpenCL
import RemotingCore

/// What the platform is called, and what it promises.
enum PlatformDescription {
    /// The version whose calls this library answers.
    static let version = "OpenCL 1.2 Presync \(InterfaceEdition.linked.version)"
    static let extensions = "cl_khr_icd"
    static let suffix = "PRESYNC"
}

func getPlatformIDs(
    _ count: cl_uint, _ platforms: UnsafeMutablePointer<cl_platform_id?>?, _ found: UnsafeMutablePointer<cl_uint>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        try require((count > 0 || platforms == nil) && (platforms != nil || found != nil), or: CL_INVALID_VALUE)
        platforms?.pointee = library.platform
        found?.pointee = 1
    }
}

func getPlatformInfo(
    _ platform: cl_platform_id?, _ name: cl_platform_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.requirePlatform(platform)
        switch cl_int(bitPattern: name) {
        case CL_PLATFORM_NUMERIC_VERSION:
            return try InfoDestination(size, value, sizeReturned).write(.number(Version(1, 2).encoded))
        case CL_PLATFORM_EXTENSIONS_WITH_VERSION:
            return try InfoDestination(size, value, sizeReturned).write(
                .versions([(Version(1, 0), PlatformDescription.extensions)]))
        case CL_PLATFORM_HOST_TIMER_RESOLUTION:
            return try InfoDestination(size, value, sizeReturned).write(.number(cl_ulong(0)))
        default: break
        }
        let text =
            switch cl_int(bitPattern: name) {
            case CL_PLATFORM_PROFILE: "FULL_PROFILE"
            case CL_PLATFORM_VERSION: PlatformDescription.version
            case CL_PLATFORM_NAME: "Presync"
            case CL_PLATFORM_VENDOR: "Presync"
            case CL_PLATFORM_EXTENSIONS: PlatformDescription.extensions
            case CL_PLATFORM_ICD_SUFFIX_KHR: PlatformDescription.suffix
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(.text(text))
    }
}

/// There is nothing to unload: programs are compiled elsewhere.
func unloadPlatformCompiler(_ platform: cl_platform_id?) -> cl_int {
    perform { library throws(OpenCLError) in
        try require(platform != nil, or: CL_INVALID_PLATFORM)
        try library.requirePlatform(platform)
    }
}

/// `clGetSessionFactsPRESYNC`: the grant, what the request for it found (0 cold to 3 reserved), and how long the
/// hand-over took, of the session of this program's first virtual GPU. Any pointer may be null. It opens no session:
/// `CL_DEVICE_NOT_AVAILABLE` before the first call that needs one.
func getSessionFacts(
    _ grant: UnsafeMutablePointer<UInt64>?, _ foundReadiness: UnsafeMutablePointer<UInt8>?,
    _ handOverNanoseconds: UnsafeMutablePointer<UInt64>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        guard let facts = library.devices[0].session?.facts else { throw .deviceNotAvailable }
        grant?.pointee = facts.grant
        foundReadiness?.pointee = facts.foundReadiness
        handOverNanoseconds?.pointee = facts.handOverNanoseconds
    }
}
