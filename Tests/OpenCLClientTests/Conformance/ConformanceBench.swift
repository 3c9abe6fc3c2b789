import COpenCL
import Testing

/// Objects of one platform's, one of each kind, on which calls are tried.
final class ConformanceBench {
    let calls: cl_icd_dispatch
    let platform: cl_platform_id
    let device: cl_device_id
    let context: cl_context
    let otherContext: cl_context
    /// In order, with profiling.
    let queue: cl_command_queue
    let otherQueue: cl_command_queue
    /// 4,096 bytes.
    let buffer: cl_mem
    let part: cl_mem
    let image: cl_mem
    let sampler: cl_sampler
    let program: cl_program
    let unbuilt: cl_program
    let kernel: cl_kernel
    /// Of a command that has ended.
    let event: cl_event
    let failed: cl_event

    static let source = """
        kernel void put(global uint *x, local uint *y, uint a) { x[get_global_id(0)] = a; }
        kernel void look(global uint *x, read_only image2d_t i, sampler_t s, write_only image2d_t o) {
            x[0] = read_imageui(i, s, (int2)(0, 0)).x;
            write_imageui(o, (int2)(0, 0), (uint4)(1));
        }
        kernel __attribute__((reqd_work_group_size(4, 1, 1))) void fixed(global uint *x) { x[0] = 1; }
        """

    init(_ loaded: LoadedPlatform) throws {
        (calls, platform, device) = (loaded.calls, loaded.platform, loaded.device)
        var devices: [cl_device_id?] = [device]
        var code: cl_int = 0
        let profiling = cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE)
        context = try #require(calls.clCreateContext(nil, 1, &devices, nil, nil, &code))
        otherContext = try #require(calls.clCreateContext(nil, 1, &devices, nil, nil, &code))
        queue = try #require(calls.clCreateCommandQueue(context, device, profiling, &code))
        otherQueue = try #require(calls.clCreateCommandQueue(otherContext, device, 0, &code))
        buffer = try #require(calls.clCreateBuffer(context, 0, 4_096, nil, &code))
        var region = cl_buffer_region(origin: 1_024, size: 1_024)
        part = try #require(
            calls.clCreateSubBuffer(buffer, 0, cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION), &region, &code))
        image = try #require(Self.makeImage(calls, context, flags: 0))
        sampler = try #require(
            calls.clCreateSampler(
                context, 0, cl_addressing_mode(CL_ADDRESS_CLAMP), cl_filter_mode(CL_FILTER_NEAREST), &code))
        program = try #require(Self.makeProgram(calls, context, Self.source))
        unbuilt = try #require(Self.makeProgram(calls, context, Self.source))
        try #require(calls.clBuildProgram(program, 1, &devices, nil, nil, nil) == CL_SUCCESS)
        kernel = try #require(calls.clCreateKernel(program, "put", &code))
        var made: cl_event?
        try #require(calls.clEnqueueMarkerWithWaitList(queue, 0, nil, &made) == CL_SUCCESS)
        event = try #require(made)
        try #require(calls.clWaitForEvents(1, &made) == CL_SUCCESS)
        failed = try #require(calls.clCreateUserEvent(context, &code))
        try #require(calls.clSetUserEventStatus(failed, -5) == CL_SUCCESS)
    }

    deinit {
        for event in [event, failed] { _ = calls.clReleaseEvent(event) }
        _ = calls.clReleaseKernel(kernel)
        for program in [program, unbuilt] { _ = calls.clReleaseProgram(program) }
        _ = calls.clReleaseSampler(sampler)
        for memory in [part, buffer, image] { _ = calls.clReleaseMemObject(memory) }
        for queue in [queue, otherQueue] { _ = calls.clReleaseCommandQueue(queue) }
        for context in [context, otherContext] { _ = calls.clReleaseContext(context) }
    }

    /// 8 by 8 elements of four bytes.
    static func makeImage(_ calls: cl_icd_dispatch, _ context: cl_context, flags: Int32) -> cl_mem? {
        var format = Self.format
        var description = Self.plane
        var code: cl_int = 0
        return calls.clCreateImage(context, cl_mem_flags(flags), &format, &description, nil, &code)
    }

    static var format: cl_image_format {
        cl_image_format(
            image_channel_order: cl_channel_order(CL_RGBA), image_channel_data_type: cl_channel_type(CL_UNSIGNED_INT8))
    }

    static var plane: cl_image_desc {
        var description = cl_image_desc()
        description.image_type = cl_mem_object_type(CL_MEM_OBJECT_IMAGE2D)
        (description.image_width, description.image_height) = (8, 8)
        return description
    }

    static func makeProgram(_ calls: cl_icd_dispatch, _ context: cl_context, _ source: String) -> cl_program? {
        source.withCString { text in
            var text: UnsafePointer<CChar>? = text
            var code: cl_int = 0
            return calls.clCreateProgramWithSource(context, 1, &text, nil, &code)
        }
    }

    /// The code of a call that makes an object, which is let go of.
    func creation<Object>(
        _ release: ((Object?) -> cl_int)? = nil, _ make: (UnsafeMutablePointer<cl_int>) -> Object?
    ) -> cl_int {
        var code: cl_int = 1
        let made = make(&code)
        if let made, let release { _ = release(made) }
        return code
    }
}

/// A call, and the code that the specification has for it.
struct ConformanceCase {
    let name: String
    let expected: cl_int
    let body: (ConformanceBench) -> cl_int

    init(_ name: String, _ expected: cl_int, _ body: @escaping (ConformanceBench) -> cl_int) {
        (self.name, self.expected, self.body) = (name, expected, body)
    }
}
