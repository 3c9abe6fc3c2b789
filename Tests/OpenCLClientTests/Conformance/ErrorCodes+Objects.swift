import COpenCL

/// Platforms, devices, contexts, queues and memory objects.
enum ObjectErrors {
    static var cases: [ConformanceCase] { discovery + contexts + queues + buffers + images + samplers }

    private static let gpu = cl_device_type(0xFFFF_FFFF)

    private static var discovery: [ConformanceCase] {
        [
            .init("clGetPlatformInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetPlatformInfo($0.platform, 1, 0, nil, nil)
            },
            .init("clGetPlatformInfo: too little room", CL_INVALID_VALUE) {
                var text: CChar = 0
                return $0.calls.clGetPlatformInfo($0.platform, cl_platform_info(CL_PLATFORM_NAME), 1, &text, nil)
            },
            .init("clGetDeviceIDs: room for none", CL_INVALID_VALUE) {
                var device: cl_device_id?
                return $0.calls.clGetDeviceIDs($0.platform, gpu, 0, &device, nil)
            },
            .init("clGetDeviceIDs: nowhere to answer", CL_INVALID_VALUE) {
                $0.calls.clGetDeviceIDs($0.platform, gpu, 0, nil, nil)
            },
            .init("clGetDeviceIDs: the number only, whatever room is named", CL_SUCCESS) {
                var count: cl_uint = 0
                return $0.calls.clGetDeviceIDs($0.platform, gpu, 5, nil, &count)
            },
            .init("clGetDeviceIDs: a type that there is not", CL_INVALID_DEVICE_TYPE) {
                var count: cl_uint = 0
                return $0.calls.clGetDeviceIDs($0.platform, 0, 0, nil, &count)
            },
            .init("clGetDeviceIDs: a type of which there is none", CL_DEVICE_NOT_FOUND) {
                var count: cl_uint = 0
                return $0.calls.clGetDeviceIDs(
                    $0.platform, cl_device_type(CL_DEVICE_TYPE_ACCELERATOR), 0, nil, &count)
            },
            .init("clGetDeviceInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetDeviceInfo($0.device, 1, 0, nil, nil)
            },
            .init("clCreateSubDevices: no way to part it", CL_INVALID_VALUE) {
                var properties: [cl_device_partition_property] = [0]
                var count: cl_uint = 0
                return $0.calls.clCreateSubDevices($0.device, &properties, 0, nil, &count)
            },
            .init("clRetainDevice, clReleaseDevice: a root device", CL_SUCCESS) {
                $0.calls.clRetainDevice($0.device) | $0.calls.clReleaseDevice($0.device)
            },
            .init("clUnloadPlatformCompiler", CL_SUCCESS) { $0.calls.clUnloadPlatformCompiler($0.platform) },
        ]
    }

    private static var contexts: [ConformanceCase] {
        func create(_ bench: ConformanceBench, _ properties: [cl_context_properties], count: cl_uint = 1) -> cl_int {
            var devices: [cl_device_id?] = [bench.device]
            return bench.creation(bench.calls.clReleaseContext) {
                bench.calls.clCreateContext(properties, count, &devices, nil, nil, $0)
            }
        }
        let key = cl_context_properties(CL_CONTEXT_PLATFORM)
        return [
            .init("clCreateContext: no devices", CL_INVALID_VALUE) { create($0, [0], count: 0) },
            .init("clCreateContext: a property that there is not", CL_INVALID_PROPERTY) { create($0, [7, 7, 0]) },
            .init("clCreateContext: a property twice", CL_INVALID_PROPERTY) {
                let platform = cl_context_properties(Int(bitPattern: $0.platform))
                return create($0, [key, platform, key, platform, 0])
            },
            .init("clCreateContext: its own platform", CL_SUCCESS) {
                create($0, [key, cl_context_properties(Int(bitPattern: $0.platform)), 0])
            },
            .init("clCreateContext: data without a callback", CL_INVALID_VALUE) { bench in
                var devices: [cl_device_id?] = [bench.device]
                var data: cl_int = 0
                return bench.creation { bench.calls.clCreateContext(nil, 1, &devices, nil, &data, $0) }
            },
            .init("clCreateContextFromType: a type that there is not", CL_INVALID_DEVICE_TYPE) { bench in
                bench.creation { bench.calls.clCreateContextFromType(nil, 0, nil, nil, $0) }
            },
            .init("clGetContextInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetContextInfo($0.context, 1, 0, nil, nil)
            },
            .init("clSetContextDestructorCallback: no callback", CL_INVALID_VALUE) {
                $0.calls.clSetContextDestructorCallback($0.context, nil, nil)
            },
        ]
    }

    private static var queues: [ConformanceCase] {
        func create(_ bench: ConformanceBench, _ list: [cl_queue_properties]) -> cl_int {
            bench.creation(bench.calls.clReleaseCommandQueue) {
                bench.calls.clCreateCommandQueueWithProperties(bench.context, bench.device, list, $0)
            }
        }
        let properties = cl_queue_properties(CL_QUEUE_PROPERTIES)
        let profiling = cl_queue_properties(CL_QUEUE_PROFILING_ENABLE)
        let onDevice = cl_queue_properties(CL_QUEUE_ON_DEVICE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        return [
            .init("clCreateCommandQueue: a property that there is not", CL_INVALID_VALUE) { bench in
                bench.creation { bench.calls.clCreateCommandQueue(bench.context, bench.device, 1 << 20, $0) }
            },
            .init("clCreateCommandQueueWithProperties: profiling", CL_SUCCESS) {
                create($0, [properties, profiling, 0])
            },
            .init("clCreateCommandQueueWithProperties: a name that there is not", CL_INVALID_VALUE) {
                create($0, [7, 7, 0])
            },
            .init("clCreateCommandQueueWithProperties: a queue on the device", CL_INVALID_QUEUE_PROPERTIES) {
                create($0, [properties, onDevice, 0])
            },
            .init("clCreateCommandQueueWithProperties: a size of a queue that is not on the device", CL_INVALID_VALUE) {
                create($0, [properties, profiling, cl_queue_properties(CL_QUEUE_SIZE), 16, 0])
            },
            .init("clGetCommandQueueInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetCommandQueueInfo($0.queue, 1, 0, nil, nil)
            },
            .init("clGetCommandQueueInfo: the size of a queue that is not on the device", CL_INVALID_COMMAND_QUEUE) {
                var size: cl_uint = 0
                return $0.calls.clGetCommandQueueInfo($0.queue, cl_command_queue_info(CL_QUEUE_SIZE), 4, &size, nil)
            },
        ]
    }

    private static var buffers: [ConformanceCase] {
        func create(
            _ bench: ConformanceBench, _ flags: Int32, _ size: Int, _ host: UnsafeMutableRawPointer? = nil
        ) -> cl_int {
            bench.creation(bench.calls.clReleaseMemObject) {
                bench.calls.clCreateBuffer(bench.context, cl_mem_flags(flags), size, host, $0)
            }
        }
        func part(_ bench: ConformanceBench, of buffer: cl_mem, _ origin: Int, _ size: Int, flags: Int32 = 0) -> cl_int
        {
            var region = cl_buffer_region(origin: origin, size: size)
            let type = cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION)
            return bench.creation(bench.calls.clReleaseMemObject) {
                bench.calls.clCreateSubBuffer(buffer, cl_mem_flags(flags), type, &region, $0)
            }
        }
        return [
            .init("clCreateBuffer: of nothing", CL_INVALID_BUFFER_SIZE) { create($0, 0, 0) },
            .init("clCreateBuffer: greater than the device has", CL_INVALID_BUFFER_SIZE) { create($0, 0, .max) },
            .init("clCreateBuffer: two kinds of access", CL_INVALID_VALUE) {
                create($0, CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY, 4)
            },
            .init("clCreateBuffer: host memory that is not there", CL_INVALID_HOST_PTR) {
                create($0, CL_MEM_COPY_HOST_PTR, 4)
            },
            .init("clCreateBuffer: host memory that is not wanted", CL_INVALID_HOST_PTR) {
                var word: cl_int = 0
                return create($0, 0, 4, &word)
            },
            .init("clCreateBufferWithProperties: a property that there is not", CL_INVALID_PROPERTY) { bench in
                let list: [cl_mem_properties] = [7, 7, 0]
                return bench.creation { bench.calls.clCreateBufferWithProperties(bench.context, list, 0, 4, nil, $0) }
            },
            .init("clCreateSubBuffer: of a part", CL_INVALID_MEM_OBJECT) { part($0, of: $0.part, 0, 4) },
            .init("clCreateSubBuffer: beyond its buffer", CL_INVALID_VALUE) { part($0, of: $0.buffer, 4_096, 4) },
            .init("clCreateSubBuffer: of nothing", CL_INVALID_BUFFER_SIZE) { part($0, of: $0.buffer, 0, 0) },
            .init("clCreateSubBuffer: at an odd place", CL_MISALIGNED_SUB_BUFFER_OFFSET) {
                part($0, of: $0.buffer, 4, 4)
            },
            .init("clGetMemObjectInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetMemObjectInfo($0.buffer, 1, 0, nil, nil)
            },
            .init("clSetMemObjectDestructorCallback: no callback", CL_INVALID_VALUE) {
                $0.calls.clSetMemObjectDestructorCallback($0.buffer, nil, nil)
            },
        ]
    }

    private static var images: [ConformanceCase] {
        func create(
            _ bench: ConformanceBench, flags: Int32 = 0, _ change: (inout cl_image_format, inout cl_image_desc) -> Void
        ) -> cl_int {
            var (format, description) = (ConformanceBench.format, ConformanceBench.plane)
            change(&format, &description)
            return bench.creation(bench.calls.clReleaseMemObject) {
                bench.calls.clCreateImage(bench.context, cl_mem_flags(flags), &format, &description, nil, $0)
            }
        }
        return [
            .init("clCreateImage: no format", CL_INVALID_IMAGE_FORMAT_DESCRIPTOR) { bench in
                var description = ConformanceBench.plane
                return bench.creation { bench.calls.clCreateImage(bench.context, 0, nil, &description, nil, $0) }
            },
            .init("clCreateImage: no description", CL_INVALID_IMAGE_DESCRIPTOR) { bench in
                var format = ConformanceBench.format
                return bench.creation { bench.calls.clCreateImage(bench.context, 0, &format, nil, nil, $0) }
            },
            .init("clCreateImage: of a kind that there is not", CL_INVALID_IMAGE_DESCRIPTOR) {
                create($0) { $1.image_type = 7 }
            },
            .init("clCreateImage: pitches without memory", CL_INVALID_IMAGE_DESCRIPTOR) {
                create($0) { $1.image_row_pitch = 64 }
            },
            .init("clCreateImage: too wide", CL_INVALID_IMAGE_SIZE) { create($0) { $1.image_width = 1 << 30 } },
            .init("clCreateImage: mip levels", CL_INVALID_IMAGE_DESCRIPTOR) { create($0) { $1.num_mip_levels = 2 } },
            .init("clCreateImage: of a buffer that is too small", CL_INVALID_IMAGE_DESCRIPTOR) { bench in
                create(bench) {
                    $1.image_type = cl_mem_object_type(CL_MEM_OBJECT_IMAGE1D_BUFFER)
                    ($1.image_width, $1.image_height) = (4_000, 0)
                    $1.buffer = bench.buffer
                }
            },
            .init("clCreateImageWithProperties: a property that there is not", CL_INVALID_PROPERTY) { bench in
                let list: [cl_mem_properties] = [7, 7, 0]
                var (format, description) = (ConformanceBench.format, ConformanceBench.plane)
                return bench.creation {
                    bench.calls.clCreateImageWithProperties(bench.context, list, 0, &format, &description, nil, $0)
                }
            },
            .init("clCreateImage2D: of nothing", CL_INVALID_IMAGE_SIZE) { bench in
                var format = ConformanceBench.format
                return bench.creation { bench.calls.clCreateImage2D(bench.context, 0, &format, 0, 8, 0, nil, $0) }
            },
            .init("clGetSupportedImageFormats: a kind that there is not", CL_INVALID_VALUE) {
                var count: cl_uint = 0
                return $0.calls.clGetSupportedImageFormats($0.context, 0, 7, 0, nil, &count)
            },
            .init("clGetSupportedImageFormats: two kinds of access", CL_INVALID_VALUE) {
                var count: cl_uint = 0
                return $0.calls.clGetSupportedImageFormats(
                    $0.context, cl_mem_flags(CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY),
                    cl_mem_object_type(CL_MEM_OBJECT_IMAGE2D), 0, nil, &count)
            },
            .init("clGetImageInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetImageInfo($0.image, 1, 0, nil, nil)
            },
            .init("clGetImageInfo: of a buffer", CL_INVALID_MEM_OBJECT) {
                var size = 0
                return $0.calls.clGetImageInfo($0.buffer, cl_image_info(CL_IMAGE_WIDTH), 0, nil, &size)
            },
        ]
    }

    private static var samplers: [ConformanceCase] {
        func sampler(_ bench: ConformanceBench, _ addressing: Int32, _ filter: Int32) -> cl_int {
            bench.creation(bench.calls.clReleaseSampler) {
                bench.calls.clCreateSampler(
                    bench.context, 1, cl_addressing_mode(addressing), cl_filter_mode(filter), $0)
            }
        }
        return [
            .init("clCreateSampler: an addressing that there is not", CL_INVALID_VALUE) {
                sampler($0, 7, CL_FILTER_NEAREST)
            },
            .init("clCreateSampler: a filter that there is not", CL_INVALID_VALUE) { sampler($0, CL_ADDRESS_CLAMP, 7) },
            .init("clCreateSamplerWithProperties: a name that there is not", CL_INVALID_VALUE) { bench in
                let list: [cl_sampler_properties] = [7, 7, 0]
                return bench.creation { bench.calls.clCreateSamplerWithProperties(bench.context, list, $0) }
            },
            .init("clCreateSamplerWithProperties: the usual", CL_SUCCESS) { bench in
                bench.creation(bench.calls.clReleaseSampler) {
                    bench.calls.clCreateSamplerWithProperties(bench.context, nil, $0)
                }
            },
        ]
    }
}
