import COpenCL
import RemotingCore

func getDeviceIDs(
    _ platform: cl_platform_id?, _ type: cl_device_type, _ count: cl_uint,
    _ devices: UnsafeMutablePointer<cl_device_id?>?, _ found: UnsafeMutablePointer<cl_uint>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.requirePlatform(platform)
        try require((count > 0 || devices == nil) && (devices != nil || found != nil), or: CL_INVALID_VALUE)
        // Who does not ask how many there are does not wait for more than it has room for.
        let all = try library.virtualGPUs(ofType: type, atMost: found == nil ? Int(count) : .max)
        try require(!all.isEmpty, or: CL_DEVICE_NOT_FOUND)
        for (index, device) in all.prefix(Int(count)).enumerated() { devices?[index] = device.handle }
        found?.pointee = cl_uint(all.count)
    }
}

func getDeviceInfo(
    _ device: cl_device_id?, _ name: cl_device_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let device = try library.device(device)
        // A lost session's device is still described: a question is no reason to wait for another session.
        let session = if let current = device.session { current } else { try library.openSession(device) }
        let answers = DeviceAnswers(session, platform: library.platform)
        guard let answer = answers.value(of: name) else { throw OpenCLError(CL_INVALID_VALUE) }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

/// Devices are there as long as the process: retaining and releasing one does nothing (as for every root device).
func keepDevice(_ device: cl_device_id?) -> cl_int {
    perform { library throws(OpenCLError) in _ = try library.device(device) }
}

/// The device cannot be parted, and says so in `CL_DEVICE_PARTITION_PROPERTIES`.
func createSubDevices(
    _ device: cl_device_id?, _ properties: UnsafePointer<cl_device_partition_property>?, _ count: cl_uint,
    _ devices: UnsafeMutablePointer<cl_device_id?>?, _ found: UnsafeMutablePointer<cl_uint>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        _ = try library.device(device)
        throw OpenCLError(CL_INVALID_VALUE)
    }
}

extension Library {
    /// The first `most` virtual GPUs of one of the types, in their order. What has no session, and gets none, is left out.
    func virtualGPUs(ofType type: cl_device_type, atMost most: Int = .max) throws(OpenCLError) -> [ClientDevice] {
        let known = cl_device_type(
            CL_DEVICE_TYPE_DEFAULT | CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR
                | CL_DEVICE_TYPE_CUSTOM)
        let all = cl_device_type(0xFFFF_FFFF)
        try require(type == all || (type != 0 && type & ~known == 0), or: CL_INVALID_DEVICE_TYPE)
        var found: [ClientDevice] = []
        var (hasDefault, isRefused) = (false, false)
        for device in devices where found.count < most {
            // After one that is not to be had, the program is not kept waiting for the next.
            if isRefused, device.session?.isLost ?? true { continue }
            guard let session = try? openSession(device) else {
                isRefused = true
                continue
            }
            let kind = Self.kind(of: session, isDefault: !hasDefault)
            hasDefault = true
            if type == all || type & kind != 0 { found.append(device) }
        }
        return found
    }

    /// What the worker's device says; the first that is to be had is the default, whatever each is on its own host.
    private static func kind(of session: ClientSession, isDefault: Bool) -> cl_device_type {
        let defaultKind = cl_device_type(CL_DEVICE_TYPE_DEFAULT)
        let native = session.information.device.number(cl_uint(CL_DEVICE_TYPE)) ?? 0
        return isDefault ? native | defaultKind : native & ~defaultKind
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
        case CL_DEVICE_HOST_UNIFIED_MEMORY: .flag(false)
        case CL_DEVICE_PARTITION_MAX_SUB_DEVICES: .number(cl_uint(0))
        case CL_DEVICE_PARTITION_PROPERTIES, CL_DEVICE_PARTITION_TYPE: .number(0)
        case CL_DEVICE_PARTITION_AFFINITY_DOMAIN: .number(cl_device_affinity_domain(0))
        case CL_DEVICE_BUILT_IN_KERNELS: .text("")
        default: laterValue(of: parameter)
        }
    }

    /// What versions after 1.2 ask: none of what they added is offered.
    private func laterValue(of parameter: cl_uint) -> InfoValue? {
        switch cl_int(bitPattern: parameter) {
        case CL_DEVICE_NUMERIC_VERSION: .number(Version(1, 2).encoded)
        case CL_DEVICE_OPENCL_C_ALL_VERSIONS:
            .versions([Version(1, 0), Version(1, 1), Version(1, 2)].map { ($0, "OpenCL C") })
        case CL_DEVICE_EXTENSIONS_WITH_VERSION:
            .versions(extensions.split(separator: " ").map { (Version(1, 0), String($0)) })
        case CL_DEVICE_OPENCL_C_FEATURES, CL_DEVICE_ILS_WITH_VERSION, CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION:
            .versions([])
        case CL_DEVICE_IL_VERSION, CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED: .text("")
        case CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES, CL_DEVICE_ATOMIC_FENCE_CAPABILITIES:
            .number(
                cl_device_atomic_capabilities(CL_DEVICE_ATOMIC_ORDER_RELAXED | CL_DEVICE_ATOMIC_SCOPE_WORK_GROUP))
        case CL_DEVICE_SVM_CAPABILITIES, CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES, CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES:
            .number(cl_bitfield(0))
        case CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE: native[parameter].map(InfoValue.init(bytes:))
        case CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE, CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE: .number(0)
        case CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE, CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE,
            CL_DEVICE_MAX_ON_DEVICE_QUEUES, CL_DEVICE_MAX_ON_DEVICE_EVENTS, CL_DEVICE_MAX_PIPE_ARGS,
            CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS, CL_DEVICE_PIPE_MAX_PACKET_SIZE,
            CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS, CL_DEVICE_MAX_NUM_SUB_GROUPS,
            CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT, CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT,
            CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT, CL_DEVICE_IMAGE_PITCH_ALIGNMENT,
            CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT:
            .number(cl_uint(0))
        case CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS, CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT,
            CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT, CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT,
            CL_DEVICE_PIPE_SUPPORT:
            .flag(false)
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
            "cl_khr_byte_addressable_store", "cl_khr_3d_image_writes", "cl_khr_fp16", "cl_khr_fp64",
            "cl_khr_int64_base_atomics",
            "cl_khr_int64_extended_atomics", "cl_khr_global_int32_base_atomics",
            "cl_khr_global_int32_extended_atomics", "cl_khr_local_int32_base_atomics",
            "cl_khr_local_int32_extended_atomics",
        ]
        let offered = native.text(cl_uint(CL_DEVICE_EXTENSIONS)).split(separator: " ").map(String.init)
        return offered.filter(language.contains).joined(separator: " ")
    }
}

/// A version as OpenCL 3.0 packs it: 10 bits major, 10 minor, 12 patch.
struct Version {
    private let major: cl_uint
    private let minor: cl_uint

    init(_ major: cl_uint, _ minor: cl_uint) {
        self.major = major
        self.minor = minor
    }

    var encoded: cl_version { major << 22 | minor << 12 }
}

extension InfoValue {
    /// A list of `cl_name_version`: the version, then the name in 64 bytes.
    static func versions(_ list: [(version: Version, name: String)]) -> Self {
        Self(
            bytes: list.flatMap { entry in
                let name = Array(entry.name.utf8.prefix(63))
                return number(entry.version.encoded).bytes + name + [UInt8](repeating: 0, count: 64 - name.count)
            })
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
