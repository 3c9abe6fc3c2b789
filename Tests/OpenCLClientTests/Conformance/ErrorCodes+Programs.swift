import COpenCL

/// Programs and kernels.
enum ProgramErrors {
    static var cases: [ConformanceCase] { creation + builds + kernels + arguments }

    private static var creation: [ConformanceCase] {
        [
            .init("clCreateProgramWithSource: no strings", CL_INVALID_VALUE) { bench in
                bench.creation { bench.calls.clCreateProgramWithSource(bench.context, 0, nil, nil, $0) }
            },
            .init("clCreateProgramWithSource: a null string", CL_INVALID_VALUE) { bench in
                var text: UnsafePointer<CChar>?
                return bench.creation { bench.calls.clCreateProgramWithSource(bench.context, 1, &text, nil, $0) }
            },
            .init("clCreateProgramWithBinary: no devices", CL_INVALID_VALUE) { bench in
                bench.creation { bench.calls.clCreateProgramWithBinary(bench.context, 0, nil, nil, nil, nil, $0) }
            },
            .init("clCreateProgramWithBinary: what is no binary", CL_INVALID_BINARY) { bench in
                var devices: [cl_device_id?] = [bench.device]
                let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
                var length = bytes.count
                return bytes.withUnsafeBufferPointer { bytes in
                    var start = bytes.baseAddress
                    return bench.creation {
                        bench.calls.clCreateProgramWithBinary(bench.context, 1, &devices, &length, &start, nil, $0)
                    }
                }
            },
            .init("clCreateProgramWithBuiltInKernels: no names", CL_INVALID_VALUE) { bench in
                var devices: [cl_device_id?] = [bench.device]
                return bench.creation {
                    bench.calls.clCreateProgramWithBuiltInKernels(bench.context, 1, &devices, nil, $0)
                }
            },
            .init("clGetProgramInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetProgramInfo($0.program, 1, 0, nil, nil)
            },
            .init("clGetProgramInfo: kernels before a build", CL_INVALID_PROGRAM_EXECUTABLE) {
                var size = 0
                return $0.calls.clGetProgramInfo($0.unbuilt, cl_program_info(CL_PROGRAM_NUM_KERNELS), 0, nil, &size)
            },
        ]
    }

    /// Runs `body` with a program that is let go of.
    private static func with(_ bench: ConformanceBench, _ source: String, _ body: (cl_program) -> cl_int) -> cl_int {
        guard let program = ConformanceBench.makeProgram(bench.calls, bench.context, source) else { return 1 }
        defer { _ = bench.calls.clReleaseProgram(program) }
        return body(program)
    }

    private static var builds: [ConformanceCase] {
        [
            .init("clBuildProgram: devices without a number", CL_INVALID_VALUE) { bench in
                var devices: [cl_device_id?] = [bench.device]
                return bench.calls.clBuildProgram(bench.unbuilt, 0, &devices, nil, nil, nil)
            },
            .init("clBuildProgram: data without a callback", CL_INVALID_VALUE) { bench in
                var data: cl_int = 0
                return bench.calls.clBuildProgram(bench.unbuilt, 0, nil, nil, nil, &data)
            },
            .init("clBuildProgram: with kernels", CL_INVALID_OPERATION) {
                $0.calls.clBuildProgram($0.program, 0, nil, nil, nil, nil)
            },
            .init("clBuildProgram: what is no OpenCL C", CL_BUILD_PROGRAM_FAILURE) { bench in
                with(bench, "kernel nonsense") { bench.calls.clBuildProgram($0, 0, nil, nil, nil, nil) }
            },
            .init("clBuildProgram: nothing", CL_SUCCESS) { bench in
                with(bench, "") { bench.calls.clBuildProgram($0, 0, nil, nil, nil, nil) }
            },
            .init("clCompileProgram: headers without names", CL_INVALID_VALUE) { bench in
                var headers: [cl_program?] = [bench.unbuilt]
                return bench.calls.clCompileProgram(bench.unbuilt, 0, nil, nil, 1, &headers, nil, nil, nil)
            },
            .init("clCompileProgram: what is no OpenCL C", CL_COMPILE_PROGRAM_FAILURE) { bench in
                with(bench, "kernel nonsense") { bench.calls.clCompileProgram($0, 0, nil, nil, 0, nil, nil, nil, nil) }
            },
            .init("clLinkProgram: nothing", CL_INVALID_VALUE) { bench in
                bench.creation { bench.calls.clLinkProgram(bench.context, 0, nil, nil, 0, nil, nil, nil, $0) }
            },
            .init("clLinkProgram: what was not compiled", CL_INVALID_OPERATION) { bench in
                var inputs: [cl_program?] = [bench.unbuilt]
                return bench.creation {
                    bench.calls.clLinkProgram(bench.context, 0, nil, nil, 1, &inputs, nil, nil, $0)
                }
            },
            .init("clBuildProgram: what was linked", CL_INVALID_OPERATION) { bench in
                with(bench, "kernel void f() {}") { compiled in
                    guard bench.calls.clCompileProgram(compiled, 0, nil, nil, 0, nil, nil, nil, nil) == CL_SUCCESS
                    else { return 1 }
                    var inputs: [cl_program?] = [compiled]
                    var code: cl_int = 0
                    guard
                        let linked = bench.calls.clLinkProgram(bench.context, 0, nil, nil, 1, &inputs, nil, nil, &code)
                    else { return 2 }
                    defer { _ = bench.calls.clReleaseProgram(linked) }
                    return bench.calls.clBuildProgram(linked, 0, nil, nil, nil, nil)
                }
            },
            .init("clGetProgramBuildInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetProgramBuildInfo($0.program, $0.device, 1, 0, nil, nil)
            },
            .init("clSetProgramReleaseCallback: no callback", CL_INVALID_VALUE) {
                $0.calls.clSetProgramReleaseCallback($0.program, nil, nil)
            },
        ]
    }

    private static var kernels: [ConformanceCase] {
        func create(_ bench: ConformanceBench, _ program: cl_program, _ name: String) -> cl_int {
            bench.creation(bench.calls.clReleaseKernel) { bench.calls.clCreateKernel(program, name, $0) }
        }
        return [
            .init("clCreateKernel: a name that there is not", CL_INVALID_KERNEL_NAME) {
                create($0, $0.program, "none")
            },
            .init("clCreateKernel: no name", CL_INVALID_VALUE) { bench in
                bench.creation { bench.calls.clCreateKernel(bench.program, nil, $0) }
            },
            .init("clCreateKernel: of what was not built", CL_INVALID_PROGRAM_EXECUTABLE) {
                create($0, $0.unbuilt, "put")
            },
            .init("clCreateKernel: of what was only compiled", CL_INVALID_PROGRAM_EXECUTABLE) { bench in
                with(bench, "kernel void f() {}") { compiled in
                    guard bench.calls.clCompileProgram(compiled, 0, nil, nil, 0, nil, nil, nil, nil) == CL_SUCCESS
                    else { return 1 }
                    return create(bench, compiled, "f")
                }
            },
            .init("clCreateKernelsInProgram: too little room", CL_INVALID_VALUE) { bench in
                var kernels: [cl_kernel?] = [nil]
                return bench.calls.clCreateKernelsInProgram(bench.program, 1, &kernels, nil)
            },
            .init("clGetKernelInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetKernelInfo($0.kernel, 1, 0, nil, nil)
            },
            .init("clGetKernelArgInfo: an argument that there is not", CL_INVALID_ARG_INDEX) {
                var size = 0
                return $0.calls.clGetKernelArgInfo($0.kernel, 9, cl_kernel_arg_info(CL_KERNEL_ARG_NAME), 0, nil, &size)
            },
            .init("clGetKernelWorkGroupInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetKernelWorkGroupInfo($0.kernel, $0.device, 1, 0, nil, nil)
            },
            .init("clGetKernelWorkGroupInfo: global size of no built-in kernel", CL_INVALID_VALUE) {
                var sizes = [0, 0, 0]
                return $0.calls.clGetKernelWorkGroupInfo(
                    $0.kernel, $0.device, cl_kernel_work_group_info(CL_KERNEL_GLOBAL_WORK_SIZE), 24, &sizes, nil)
            },
        ]
    }

    private static var arguments: [ConformanceCase] {
        func set(_ bench: ConformanceBench, _ name: String, _ index: cl_uint, _ size: Int, _ value: UnsafeRawPointer?)
            -> cl_int
        {
            var code: cl_int = 0
            guard let kernel = bench.calls.clCreateKernel(bench.program, name, &code) else { return 1 }
            defer { _ = bench.calls.clReleaseKernel(kernel) }
            return bench.calls.clSetKernelArg(kernel, index, size, value)
        }
        func setImage(_ bench: ConformanceBench, _ index: cl_uint, flags: Int32) -> cl_int {
            var image = ConformanceBench.makeImage(bench.calls, bench.context, flags: flags)
            defer { _ = bench.calls.clReleaseMemObject(image) }
            return set(bench, "look", index, 8, &image)
        }
        return [
            .init("clSetKernelArg: an argument that there is not", CL_INVALID_ARG_INDEX) {
                var value: cl_uint = 0
                return set($0, "put", 3, 4, &value)
            },
            .init("clSetKernelArg: a number of another size", CL_INVALID_ARG_SIZE) {
                var value: cl_ulong = 0
                return set($0, "put", 2, 8, &value)
            },
            .init("clSetKernelArg: no number", CL_INVALID_ARG_VALUE) { set($0, "put", 2, 4, nil) },
            .init("clSetKernelArg: a buffer of another size", CL_INVALID_ARG_SIZE) {
                var value: cl_uint = 0
                return set($0, "put", 0, 4, &value)
            },
            .init("clSetKernelArg: a null buffer", CL_SUCCESS) {
                var buffer: cl_mem?
                return set($0, "put", 0, 8, &buffer) | set($0, "put", 0, 8, nil)
            },
            .init("clSetKernelArg: local memory with a value", CL_INVALID_ARG_VALUE) {
                var value: cl_uint = 0
                return set($0, "put", 1, 4, &value)
            },
            .init("clSetKernelArg: no local memory", CL_INVALID_ARG_SIZE) { set($0, "put", 1, 0, nil) },
            .init("clSetKernelArg: an image to read", CL_SUCCESS) { setImage($0, 1, flags: CL_MEM_READ_ONLY) },
            .init("clSetKernelArg: an image to read that may only be written", CL_INVALID_ARG_VALUE) {
                setImage($0, 1, flags: CL_MEM_WRITE_ONLY)
            },
            .init("clSetKernelArg: an image to write that may only be read", CL_INVALID_ARG_VALUE) {
                setImage($0, 3, flags: CL_MEM_READ_ONLY)
            },
            .init("clSetKernelArg: an image for a buffer", CL_INVALID_MEM_OBJECT) {
                var image: cl_mem? = $0.image
                return set($0, "put", 0, 8, &image)
            },
            .init("clSetKernelArg: a sampler", CL_SUCCESS) {
                var sampler: cl_sampler? = $0.sampler
                return set($0, "look", 2, 8, &sampler)
            },
        ]
    }
}
