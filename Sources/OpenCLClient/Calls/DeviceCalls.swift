import COpenCL
import RemotingCore

func getDeviceIDs(
    _ platform: cl_platform_id?, _ type: cl_device_type, _ count: cl_uint,
    _ devices: UnsafeMutablePointer<cl_device_id?>?, _ found: UnsafeMutablePointer<cl_uint>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.requirePlatform(platform)
        try require((count > 0) == (devices != nil) && (devices != nil || found != nil), or: CL_INVALID_VALUE)
        try require(library.hasDevice(ofType: type), or: CL_DEVICE_NOT_FOUND)
        devices?.pointee = library.device
        found?.pointee = 1
    }
}

func getDeviceInfo(
    _ device: cl_device_id?, _ name: cl_device_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.requireDevice(device)
        // A lost session's device is still described: a question is no reason to wait for another session.
        let session = if let current = library.currentSession { current } else { try library.openSession() }
        let answers = DeviceAnswers(session, platform: library.platform)
        guard let answer = answers.value(of: name) else { throw OpenCLError(CL_INVALID_VALUE) }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

/// The device is one: retaining and releasing it does nothing (as for every root device).
func keepDevice(_ device: cl_device_id?) -> cl_int {
    perform { library throws(OpenCLError) in try library.requireDevice(device) }
}

/// The device cannot be parted, and says so in `CL_DEVICE_PARTITION_PROPERTIES`.
func createSubDevices(
    _ device: cl_device_id?, _ properties: UnsafePointer<cl_device_partition_property>?, _ count: cl_uint,
    _ devices: UnsafeMutablePointer<cl_device_id?>?, _ found: UnsafeMutablePointer<cl_uint>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.requireDevice(device)
        throw OpenCLError(CL_INVALID_VALUE)
    }
}

extension Library {
    /// Whether there is a virtual GPU of one of the types; without a session there is none.
    func hasDevice(ofType type: cl_device_type) throws(OpenCLError) -> Bool {
        let known = cl_device_type(
            CL_DEVICE_TYPE_DEFAULT | CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR
                | CL_DEVICE_TYPE_CUSTOM)
        let all = cl_device_type(0xFFFF_FFFF)
        try require(type == all || (type != 0 && type & ~known == 0), or: CL_INVALID_DEVICE_TYPE)
        let session: ClientSession
        do throws(OpenCLError) {
            session = try openSession()
        } catch {
            throw OpenCLError(CL_DEVICE_NOT_FOUND)
        }
        let native = session.information.device.number(cl_uint(CL_DEVICE_TYPE)) ?? 0
        return type == all || type & (native | cl_device_type(CL_DEVICE_TYPE_DEFAULT)) != 0
    }
}

/// What `clGetDeviceInfo` answers: what the worker's device says, within what this library implements and the slice
/// allows.
struct DeviceAnswers {
    let native: ParameterTable
    private let slice: SessionSlice
    private let isAvailable: Bool
    private let platform: OpaquePointer

    init(_ session: ClientSession, platform: OpaquePointer) {
        native = session.information.device
        slice = session.slice
        isAvailable = !session.isLost
        self.platform = platform
    }

    func value(of parameter: cl_uint) -> InfoValue? {
        switch cl_int(bitPattern: parameter) {
        case CL_DEVICE_PLATFORM: .handle(platform)
        case CL_DEVICE_PARENT_DEVICE: .handle(nil)
        case CL_DEVICE_REFERENCE_COUNT: .number(cl_uint(1))
        case CL_DEVICE_AVAILABLE: .flag(isAvailable)
        case CL_DEVICE_EXECUTION_CAPABILITIES: .number(cl_device_exec_capabilities(CL_EXEC_KERNEL))
        case CL_DEVICE_GLOBAL_MEM_SIZE: .number(memory)
        case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
            .number(min(native.number(parameter) ?? memory, memory))
        case CL_DEVICE_VERSION: .text("\(PlatformDescription.version) on \(native.text(parameter))")
        case CL_DEVICE_OPENCL_C_VERSION: .text("OpenCL C 1.2 on \(native.text(parameter))")
        case CL_DEVICE_EXTENSIONS: .text(extensions)
        case CL_DEVICE_QUEUE_PROPERTIES: .number(queueProperties)
        case CL_DEVICE_IMAGE_SUPPORT, CL_DEVICE_HOST_UNIFIED_MEMORY: .flag(false)
        case CL_DEVICE_PARTITION_MAX_SUB_DEVICES: .number(cl_uint(0))
        case CL_DEVICE_PARTITION_PROPERTIES, CL_DEVICE_PARTITION_TYPE: .number(0)
        case CL_DEVICE_PARTITION_AFFINITY_DOMAIN: .number(cl_device_affinity_domain(0))
        case CL_DEVICE_BUILT_IN_KERNELS: .text("")
        // Calls later than OpenCL 1.2 are not implemented, so that their parameters are unknown here.
        case CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES...CL_DEVICE_PIPE_MAX_PACKET_SIZE: nil
        case CL_DEVICE_IL_VERSION...CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS: nil
        case CL_DEVICE_NUMERIC_VERSION...CL_DEVICE_PIPE_SUPPORT: nil
        default: native[parameter].map(InfoValue.init(bytes:))
        }
    }

    var queueProperties: cl_command_queue_properties {
        let offered = cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        let profiling = cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE)
        return (native.number(cl_uint(CL_DEVICE_QUEUE_PROPERTIES)) ?? 0) & offered | profiling
    }

    /// The slice, or the device where no slice was told yet.
    private var memory: UInt64 {
        slice.memory > 0 ? slice.memory : native.number(cl_uint(CL_DEVICE_GLOBAL_MEM_SIZE)) ?? 0
    }

    /// Extensions of the kernel language; those that add calls are left out.
    private var extensions: String {
        let language = [
            "cl_khr_byte_addressable_store", "cl_khr_fp16", "cl_khr_fp64", "cl_khr_int64_base_atomics",
            "cl_khr_int64_extended_atomics", "cl_khr_global_int32_base_atomics",
            "cl_khr_global_int32_extended_atomics", "cl_khr_local_int32_base_atomics",
            "cl_khr_local_int32_extended_atomics",
        ]
        let offered = native.text(cl_uint(CL_DEVICE_EXTENSIONS)).split(separator: " ").map(String.init)
        return offered.filter(language.contains).joined(separator: " ")
    }
}

extension ParameterTable {
    /// The number of 1, 2, 4 or 8 bytes that the parameter has.
    func number(_ parameter: cl_uint) -> UInt64? {
        guard let bytes = self[parameter], [1, 2, 4, 8].contains(bytes.count) else { return nil }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The text that the parameter has, without the closing 0; empty where there is none.
    func text(_ parameter: cl_uint) -> String {
        String(decoding: (self[parameter] ?? []).prefix { $0 != 0 }, as: UTF8.self)
    }
}
