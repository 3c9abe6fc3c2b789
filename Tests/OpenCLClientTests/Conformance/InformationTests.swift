import COpenCL
import Testing

/// A `clGet...Info` call on one object: the parameter, then what the call itself takes.
private typealias Question = (cl_uint, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int

extension ClientSessionTests.ConformanceTests {
    /// Each parameter, and the bytes of its value; nil where they vary.
    private static func questions(_ bench: ConformanceBench) -> [(String, Question, [(Int32, Int?)])] {
        let calls = bench.calls
        return [
            (
                "clGetPlatformInfo", { calls.clGetPlatformInfo(bench.platform, $0, $1, $2, $3) },
                [
                    (CL_PLATFORM_PROFILE, 13), (CL_PLATFORM_VERSION, nil), (CL_PLATFORM_NAME, nil),
                    (CL_PLATFORM_VENDOR, nil), (CL_PLATFORM_EXTENSIONS, nil), (CL_PLATFORM_NUMERIC_VERSION, 4),
                    (CL_PLATFORM_EXTENSIONS_WITH_VERSION, nil), (CL_PLATFORM_HOST_TIMER_RESOLUTION, 8),
                    (CL_PLATFORM_ICD_SUFFIX_KHR, nil),
                ]
            ),
            ("clGetDeviceInfo", { calls.clGetDeviceInfo(bench.device, $0, $1, $2, $3) }, deviceParameters),
            (
                "clGetContextInfo", { calls.clGetContextInfo(bench.context, $0, $1, $2, $3) },
                [
                    (CL_CONTEXT_REFERENCE_COUNT, 4), (CL_CONTEXT_NUM_DEVICES, 4), (CL_CONTEXT_DEVICES, 8),
                    (CL_CONTEXT_PROPERTIES, 0),
                ]
            ),
            (
                "clGetCommandQueueInfo", { calls.clGetCommandQueueInfo(bench.queue, $0, $1, $2, $3) },
                [
                    (CL_QUEUE_CONTEXT, 8), (CL_QUEUE_DEVICE, 8), (CL_QUEUE_REFERENCE_COUNT, 4),
                    (CL_QUEUE_PROPERTIES, 8),
                    (CL_QUEUE_DEVICE_DEFAULT, 8), (CL_QUEUE_PROPERTIES_ARRAY, 0),
                ]
            ),
            (
                "clGetMemObjectInfo", { calls.clGetMemObjectInfo(bench.part, $0, $1, $2, $3) },
                [
                    (CL_MEM_TYPE, 4), (CL_MEM_FLAGS, 8), (CL_MEM_SIZE, 8), (CL_MEM_HOST_PTR, 8), (CL_MEM_MAP_COUNT, 4),
                    (CL_MEM_REFERENCE_COUNT, 4), (CL_MEM_CONTEXT, 8), (CL_MEM_ASSOCIATED_MEMOBJECT, 8),
                    (CL_MEM_OFFSET, 8),
                    (CL_MEM_USES_SVM_POINTER, 4), (CL_MEM_PROPERTIES, 0),
                ]
            ),
            (
                "clGetImageInfo", { calls.clGetImageInfo(bench.image, $0, $1, $2, $3) },
                [
                    (CL_IMAGE_FORMAT, 8), (CL_IMAGE_ELEMENT_SIZE, 8), (CL_IMAGE_ROW_PITCH, 8),
                    (CL_IMAGE_SLICE_PITCH, 8),
                    (CL_IMAGE_WIDTH, 8), (CL_IMAGE_HEIGHT, 8), (CL_IMAGE_DEPTH, 8), (CL_IMAGE_ARRAY_SIZE, 8),
                    (CL_IMAGE_BUFFER, 8), (CL_IMAGE_NUM_MIP_LEVELS, 4), (CL_IMAGE_NUM_SAMPLES, 4),
                ]
            ),
            (
                "clGetSamplerInfo", { calls.clGetSamplerInfo(bench.sampler, $0, $1, $2, $3) },
                [
                    (CL_SAMPLER_REFERENCE_COUNT, 4), (CL_SAMPLER_CONTEXT, 8), (CL_SAMPLER_NORMALIZED_COORDS, 4),
                    (CL_SAMPLER_ADDRESSING_MODE, 4), (CL_SAMPLER_FILTER_MODE, 4), (CL_SAMPLER_PROPERTIES, 0),
                ]
            ),
        ] + programQuestions(bench)
    }

    private static func programQuestions(_ bench: ConformanceBench) -> [(String, Question, [(Int32, Int?)])] {
        let calls = bench.calls
        return [
            (
                "clGetProgramInfo", { calls.clGetProgramInfo(bench.program, $0, $1, $2, $3) },
                [
                    (CL_PROGRAM_REFERENCE_COUNT, 4), (CL_PROGRAM_CONTEXT, 8), (CL_PROGRAM_NUM_DEVICES, 4),
                    (CL_PROGRAM_DEVICES, 8), (CL_PROGRAM_SOURCE, ConformanceBench.source.utf8.count + 1),
                    (CL_PROGRAM_BINARY_SIZES, 8), (CL_PROGRAM_NUM_KERNELS, 8), (CL_PROGRAM_KERNEL_NAMES, 15),
                    (CL_PROGRAM_IL, 0), (CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT, 4),
                    (CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT, 4),
                ]
            ),
            (
                "clGetProgramBuildInfo", { calls.clGetProgramBuildInfo(bench.program, bench.device, $0, $1, $2, $3) },
                [
                    (CL_PROGRAM_BUILD_STATUS, 4), (CL_PROGRAM_BUILD_OPTIONS, 1), (CL_PROGRAM_BUILD_LOG, nil),
                    (CL_PROGRAM_BINARY_TYPE, 4), (CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE, 8),
                ]
            ),
            (
                "clGetKernelInfo", { calls.clGetKernelInfo(bench.kernel, $0, $1, $2, $3) },
                [
                    (CL_KERNEL_FUNCTION_NAME, 4), (CL_KERNEL_NUM_ARGS, 4), (CL_KERNEL_REFERENCE_COUNT, 4),
                    (CL_KERNEL_CONTEXT, 8), (CL_KERNEL_PROGRAM, 8), (CL_KERNEL_ATTRIBUTES, nil),
                ]
            ),
            (
                "clGetKernelArgInfo", { calls.clGetKernelArgInfo(bench.kernel, 0, $0, $1, $2, $3) },
                [
                    (CL_KERNEL_ARG_ADDRESS_QUALIFIER, 4), (CL_KERNEL_ARG_ACCESS_QUALIFIER, 4),
                    (CL_KERNEL_ARG_TYPE_QUALIFIER, 8), (CL_KERNEL_ARG_TYPE_NAME, 6), (CL_KERNEL_ARG_NAME, 2),
                ]
            ),
            (
                "clGetKernelWorkGroupInfo",
                { calls.clGetKernelWorkGroupInfo(bench.kernel, bench.device, $0, $1, $2, $3) },
                [
                    (CL_KERNEL_WORK_GROUP_SIZE, 8), (CL_KERNEL_COMPILE_WORK_GROUP_SIZE, 24),
                    (CL_KERNEL_LOCAL_MEM_SIZE, 8),
                    (CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE, 8), (CL_KERNEL_PRIVATE_MEM_SIZE, 8),
                ]
            ),
            (
                "clGetEventInfo", { calls.clGetEventInfo(bench.event, $0, $1, $2, $3) },
                [
                    (CL_EVENT_COMMAND_QUEUE, 8), (CL_EVENT_CONTEXT, 8), (CL_EVENT_COMMAND_TYPE, 4),
                    (CL_EVENT_COMMAND_EXECUTION_STATUS, 4), (CL_EVENT_REFERENCE_COUNT, 4),
                ]
            ),
            (
                "clGetEventProfilingInfo", { calls.clGetEventProfilingInfo(bench.event, $0, $1, $2, $3) },
                [
                    (CL_PROFILING_COMMAND_QUEUED, 8), (CL_PROFILING_COMMAND_SUBMIT, 8), (CL_PROFILING_COMMAND_START, 8),
                    (CL_PROFILING_COMMAND_END, 8), (CL_PROFILING_COMMAND_COMPLETE, 8),
                ]
            ),
        ]
    }

    /// OpenCL 3.0, table 5 ("List of supported param_names by clGetDeviceInfo").
    private static var deviceParameters: [(Int32, Int?)] {
        let words: [Int32] = [
            CL_DEVICE_VENDOR_ID, CL_DEVICE_MAX_COMPUTE_UNITS, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS,
            CL_DEVICE_PREFERRED_VECTOR_WIDTH_CHAR, CL_DEVICE_PREFERRED_VECTOR_WIDTH_SHORT,
            CL_DEVICE_PREFERRED_VECTOR_WIDTH_INT, CL_DEVICE_PREFERRED_VECTOR_WIDTH_LONG,
            CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE,
            CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF, CL_DEVICE_NATIVE_VECTOR_WIDTH_CHAR,
            CL_DEVICE_NATIVE_VECTOR_WIDTH_SHORT, CL_DEVICE_NATIVE_VECTOR_WIDTH_INT, CL_DEVICE_NATIVE_VECTOR_WIDTH_LONG,
            CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE,
            CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF, CL_DEVICE_MAX_CLOCK_FREQUENCY, CL_DEVICE_ADDRESS_BITS,
            CL_DEVICE_IMAGE_SUPPORT, CL_DEVICE_MAX_READ_IMAGE_ARGS, CL_DEVICE_MAX_WRITE_IMAGE_ARGS,
            CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS, CL_DEVICE_MAX_SAMPLERS, CL_DEVICE_IMAGE_PITCH_ALIGNMENT,
            CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT, CL_DEVICE_MAX_PIPE_ARGS, CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS,
            CL_DEVICE_PIPE_MAX_PACKET_SIZE, CL_DEVICE_MEM_BASE_ADDR_ALIGN, CL_DEVICE_GLOBAL_MEM_CACHE_TYPE,
            CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE, CL_DEVICE_MAX_CONSTANT_ARGS, CL_DEVICE_LOCAL_MEM_TYPE,
            CL_DEVICE_ERROR_CORRECTION_SUPPORT, CL_DEVICE_HOST_UNIFIED_MEMORY, CL_DEVICE_ENDIAN_LITTLE,
            CL_DEVICE_AVAILABLE, CL_DEVICE_COMPILER_AVAILABLE, CL_DEVICE_LINKER_AVAILABLE,
            CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE, CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE,
            CL_DEVICE_MAX_ON_DEVICE_QUEUES, CL_DEVICE_MAX_ON_DEVICE_EVENTS, CL_DEVICE_PREFERRED_INTEROP_USER_SYNC,
            CL_DEVICE_PARTITION_MAX_SUB_DEVICES, CL_DEVICE_REFERENCE_COUNT,
            CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT, CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT,
            CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT, CL_DEVICE_MAX_NUM_SUB_GROUPS,
            CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS, CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT,
            CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT, CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT,
            CL_DEVICE_PIPE_SUPPORT, CL_DEVICE_NUMERIC_VERSION,
        ]
        let longs: [Int32] = [
            CL_DEVICE_TYPE, CL_DEVICE_MAX_WORK_GROUP_SIZE, CL_DEVICE_MAX_MEM_ALLOC_SIZE, CL_DEVICE_IMAGE2D_MAX_WIDTH,
            CL_DEVICE_IMAGE2D_MAX_HEIGHT, CL_DEVICE_IMAGE3D_MAX_WIDTH, CL_DEVICE_IMAGE3D_MAX_HEIGHT,
            CL_DEVICE_IMAGE3D_MAX_DEPTH, CL_DEVICE_IMAGE_MAX_BUFFER_SIZE, CL_DEVICE_IMAGE_MAX_ARRAY_SIZE,
            CL_DEVICE_MAX_PARAMETER_SIZE, CL_DEVICE_SINGLE_FP_CONFIG, CL_DEVICE_DOUBLE_FP_CONFIG,
            CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, CL_DEVICE_GLOBAL_MEM_SIZE, CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE,
            CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE, CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE,
            CL_DEVICE_LOCAL_MEM_SIZE, CL_DEVICE_PROFILING_TIMER_RESOLUTION, CL_DEVICE_EXECUTION_CAPABILITIES,
            CL_DEVICE_QUEUE_ON_HOST_PROPERTIES, CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES, CL_DEVICE_PLATFORM,
            CL_DEVICE_PRINTF_BUFFER_SIZE, CL_DEVICE_PARENT_DEVICE, CL_DEVICE_PARTITION_AFFINITY_DOMAIN,
            CL_DEVICE_SVM_CAPABILITIES, CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE,
            CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES, CL_DEVICE_ATOMIC_FENCE_CAPABILITIES,
            CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES,
        ]
        let others: [(Int32, Int?)] = [
            (CL_DEVICE_MAX_WORK_ITEM_SIZES, 24), (CL_DEVICE_IL_VERSION, 1), (CL_DEVICE_ILS_WITH_VERSION, 0),
            (CL_DEVICE_BUILT_IN_KERNELS, 1), (CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION, 0), (CL_DEVICE_NAME, nil),
            (CL_DEVICE_VENDOR, nil), (CL_DRIVER_VERSION, nil), (CL_DEVICE_PROFILE, 13), (CL_DEVICE_VERSION, nil),
            (CL_DEVICE_OPENCL_C_VERSION, nil), (CL_DEVICE_OPENCL_C_ALL_VERSIONS, 3 * 68),
            (CL_DEVICE_OPENCL_C_FEATURES, 0), (CL_DEVICE_EXTENSIONS, nil), (CL_DEVICE_EXTENSIONS_WITH_VERSION, nil),
            (CL_DEVICE_PARTITION_PROPERTIES, nil), (CL_DEVICE_PARTITION_TYPE, nil),
            (CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED, 1),
        ]
        return words.map { ($0, 4) } + longs.map { ($0, 8) } + others
    }

    @Test("what is asked of an object is as long as the specification has it, and fits where it says that it does")
    func sizes() throws {
        try Self.withBench { bench in
            for (call, ask, parameters) in Self.questions(bench) {
                for (parameter, length) in parameters {
                    let name = cl_uint(bitPattern: parameter)
                    let place: Comment = "\(call), 0x\(String(name, radix: 16))"
                    var size = -1
                    #expect(ask(name, 0, nil, &size) == CL_SUCCESS, place)
                    if let length { #expect(size == length, place) }
                    try #require(size >= 0 && size < 1 << 20, place)
                    var bytes = [UInt8](repeating: 0xA5, count: size + 8)
                    if size > 0 { #expect(ask(name, size - 1, &bytes, nil) == CL_INVALID_VALUE, place) }
                    #expect(bytes.allSatisfy { $0 == 0xA5 }, place)
                    #expect(ask(name, size, &bytes, &size) == CL_SUCCESS, place)
                    #expect(bytes[size...].allSatisfy { $0 == 0xA5 }, place)
                }
            }
        }
    }
}
