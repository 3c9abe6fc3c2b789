import COpenCL
import Testing

extension ClientSessionTests.ConformanceTests {
    @Test("calls on buffers do what they are called for")
    func buffers() throws {
        try Self.withBench { bench in
            let (calls, queue) = (bench.calls, bench.queue)
            func read(_ offset: Int, _ count: Int) -> [UInt8] {
                var bytes = [UInt8](repeating: 0xEE, count: count)
                #expect(
                    calls.clEnqueueReadBuffer(queue, bench.buffer, 1, offset, count, &bytes, 0, nil, nil) == CL_SUCCESS)
                return bytes
            }
            #expect(calls.clEnqueueFillBuffer(queue, bench.buffer, [UInt8(7)], 1, 0, 4_096, 0, nil, nil) == CL_SUCCESS)
            let word: [UInt8] = [1, 2, 3, 4]
            #expect(calls.clEnqueueWriteBuffer(queue, bench.part, 0, 4, 4, word, 0, nil, nil) == CL_SUCCESS)
            #expect(read(1_027, 6) == [7] + word + [7])
            #expect(calls.clEnqueueCopyBuffer(queue, bench.part, bench.buffer, 4, 0, 4, 0, nil, nil) == CL_SUCCESS)
            #expect(read(0, 5) == word + [7])

            let (origin, region) = ([0, 0, 0], [2, 2, 1])
            #expect(
                calls.clEnqueueWriteBufferRect(
                    queue, bench.buffer, 1, [1, 1, 0], origin, region, 8, 0, 0, 0, word, 0, nil, nil) == CL_SUCCESS)
            #expect(read(8, 12) == [7, 1, 2, 7, 7, 7, 7, 7, 7, 3, 4, 7])
            #expect(
                calls.clEnqueueCopyBufferRect(
                    queue, bench.buffer, bench.buffer, [1, 1, 0], [4, 1, 0], region, 8, 0, 8, 0, 0, nil, nil)
                    == CL_SUCCESS)
            var rectangle = [UInt8](repeating: 0, count: 4)
            #expect(
                calls.clEnqueueReadBufferRect(
                    queue, bench.buffer, 1, [4, 1, 0], origin, region, 8, 0, 0, 0, &rectangle, 0, nil, nil)
                    == CL_SUCCESS)
            #expect(rectangle == word)

            var code: cl_int = 1
            let flags = cl_map_flags(CL_MAP_READ | CL_MAP_WRITE)
            let mapped = try #require(calls.clEnqueueMapBuffer(queue, bench.buffer, 1, flags, 0, 8, 0, nil, nil, &code))
            #expect(mapped.load(as: UInt8.self) == 1)
            mapped.storeBytes(of: 99, as: UInt8.self)
            #expect(calls.clEnqueueUnmapMemObject(queue, bench.buffer, mapped, 0, nil, nil) == CL_SUCCESS)
            #expect(read(0, 2) == [99, 2])
            var memory: cl_mem? = bench.buffer
            #expect(calls.clEnqueueMigrateMemObjects(queue, 1, &memory, 0, 0, nil, nil) == CL_SUCCESS)
        }
    }

    @Test("calls on images do what they are called for")
    func images() throws {
        try Self.withBench { bench in
            let (calls, queue) = (bench.calls, bench.queue)
            var (code, format): (cl_int, cl_image_format) = (1, ConformanceBench.format)
            let volume = try #require(calls.clCreateImage3D(bench.context, 0, &format, 4, 4, 2, 0, 0, nil, &code))
            let plane = try #require(calls.clCreateImage2D(bench.context, 0, &format, 4, 4, 0, nil, &code))
            defer { for image in [volume, plane] { _ = calls.clReleaseMemObject(image) } }
            let (origin, second, region) = ([0, 0, 0], [0, 0, 1], [4, 4, 1])
            let bytes = (0..<64).map { UInt8($0) }
            #expect(calls.clEnqueueWriteImage(queue, volume, 1, second, region, 0, 0, bytes, 0, nil, nil) == CL_SUCCESS)
            #expect(calls.clEnqueueCopyImage(queue, volume, plane, second, origin, region, 0, nil, nil) == CL_SUCCESS)
            var read = [UInt8](repeating: 0, count: 64)
            #expect(calls.clEnqueueReadImage(queue, plane, 1, origin, region, 0, 0, &read, 0, nil, nil) == CL_SUCCESS)
            #expect(read == bytes)
            #expect(
                calls.clEnqueueCopyImageToBuffer(queue, plane, bench.buffer, origin, region, 128, 0, nil, nil)
                    == CL_SUCCESS)
            let color: [cl_uint] = [5, 5, 5, 5]
            #expect(calls.clEnqueueFillImage(queue, plane, color, origin, region, 0, nil, nil) == CL_SUCCESS)
            var (rowPitch, slicePitch) = (0, 0)
            let mapped = try #require(
                calls.clEnqueueMapImage(
                    queue, plane, 1, cl_map_flags(CL_MAP_READ), origin, region, &rowPitch, &slicePitch, 0, nil, nil,
                    &code))
            #expect(rowPitch == 16 && mapped.load(fromByteOffset: 63, as: UInt8.self) == 5)
            #expect(calls.clEnqueueUnmapMemObject(queue, plane, mapped, 0, nil, nil) == CL_SUCCESS)
            #expect(
                calls.clEnqueueCopyBufferToImage(queue, bench.buffer, plane, 128, origin, region, 0, nil, nil)
                    == CL_SUCCESS)
            #expect(calls.clEnqueueReadImage(queue, plane, 1, origin, region, 0, 0, &read, 0, nil, nil) == CL_SUCCESS)
            #expect(read == bytes)
            var found: cl_uint = 0
            let kind = cl_mem_object_type(CL_MEM_OBJECT_IMAGE2D)
            #expect(calls.clGetSupportedImageFormats(bench.context, 0, kind, 0, nil, &found) == CL_SUCCESS && found > 0)
        }
    }

    @Test("kernels are launched each way, and markers and barriers order them")
    func launches() throws {
        try Self.withBench { bench in
            let (calls, queue) = (bench.calls, bench.queue)
            var (buffer, value): (cl_mem?, cl_uint) = (bench.buffer, 41)
            #expect(calls.clSetKernelArg(bench.kernel, 0, 8, &buffer) == CL_SUCCESS)
            #expect(calls.clSetKernelArg(bench.kernel, 1, 16, nil) == CL_SUCCESS)
            #expect(calls.clSetKernelArg(bench.kernel, 2, 4, &value) == CL_SUCCESS)
            var code: cl_int = 1
            let clone = try #require(calls.clCloneKernel(bench.kernel, &code))
            defer { _ = calls.clReleaseKernel(clone) }
            value = 42
            #expect(calls.clSetKernelArg(clone, 2, 4, &value) == CL_SUCCESS)
            var first: cl_event?
            #expect(calls.clEnqueueTask(queue, bench.kernel, 0, nil, &first) == CL_SUCCESS)
            #expect(calls.clEnqueueBarrier(queue) == CL_SUCCESS)
            #expect(calls.clEnqueueWaitForEvents(queue, 1, &first) == CL_SUCCESS)
            var (offset, size) = (1, 3)
            #expect(calls.clEnqueueNDRangeKernel(queue, clone, 1, &offset, &size, nil, 1, &first, nil) == CL_SUCCESS)
            var (marker, barrier): (cl_event?, cl_event?)
            #expect(calls.clEnqueueMarker(queue, &marker) == CL_SUCCESS)
            #expect(calls.clEnqueueBarrierWithWaitList(queue, 1, &marker, &barrier) == CL_SUCCESS)
            #expect(calls.clFlush(queue) == CL_SUCCESS)
            #expect(calls.clWaitForEvents(1, &barrier) == CL_SUCCESS)
            var words: [cl_uint] = [0, 0, 0, 0]
            #expect(calls.clEnqueueReadBuffer(queue, buffer, 1, 0, 16, &words, 0, nil, nil) == CL_SUCCESS)
            #expect(words == [41, 42, 42, 42])
            for event in [first, marker, barrier] { _ = calls.clReleaseEvent(event) }
        }
    }

    @Test("programs are made of binaries and of compiled parts, and have all their kernels")
    func programs() throws {
        try Self.withBench { bench in
            let calls = bench.calls
            var (code, devices): (cl_int, [cl_device_id?]) = (1, [bench.device])
            var size = 0
            let sizes = cl_program_info(CL_PROGRAM_BINARY_SIZES)
            #expect(calls.clGetProgramInfo(bench.program, sizes, 8, &size, nil) == CL_SUCCESS && size > 0)
            var binary = [UInt8](repeating: 0, count: size)
            let loaded = try binary.withUnsafeMutableBufferPointer { bytes in
                var start = bytes.baseAddress
                let binaries = cl_program_info(CL_PROGRAM_BINARIES)
                #expect(calls.clGetProgramInfo(bench.program, binaries, 8, &start, nil) == CL_SUCCESS)
                var source = UnsafePointer(start)
                return try #require(
                    calls.clCreateProgramWithBinary(bench.context, 1, &devices, &size, &source, nil, &code))
            }
            defer { _ = calls.clReleaseProgram(loaded) }
            #expect(calls.clBuildProgram(loaded, 1, &devices, nil, nil, nil) == CL_SUCCESS)
            var kernels = [cl_kernel?](repeating: nil, count: 3)
            var found: cl_uint = 0
            #expect(calls.clCreateKernelsInProgram(loaded, 3, &kernels, &found) == CL_SUCCESS && found == 3)
            for kernel in kernels { #expect(calls.clReleaseKernel(kernel) == CL_SUCCESS) }

            let header = try #require(ConformanceBench.makeProgram(calls, bench.context, "#define VALUE 3"))
            let text = "#include \"value.h\"\nkernel void f(global uint *x) { x[0] = VALUE; }"
            let part = try #require(ConformanceBench.makeProgram(calls, bench.context, text))
            defer { for program in [header, part] { _ = calls.clReleaseProgram(program) } }
            var headers: [cl_program?] = [header]
            "value.h".withCString { name in
                var name: UnsafePointer<CChar>? = name
                #expect(calls.clCompileProgram(part, 1, &devices, nil, 1, &headers, &name, nil, nil) == CL_SUCCESS)
            }
            var inputs: [cl_program?] = [part]
            let linked = try #require(calls.clLinkProgram(bench.context, 1, &devices, nil, 1, &inputs, nil, nil, &code))
            #expect(calls.clReleaseProgram(linked) == CL_SUCCESS)
        }
    }

    @Test("what is not offered refuses, and touches nothing")
    func refusals() throws {
        try Self.withBench { bench in
            let (calls, queue) = (bench.calls, bench.queue)
            var (code, word, other, event): (cl_int, cl_ulong, cl_ulong, cl_event?) = (1, 0, 0, nil)
            var pointers: [UnsafeMutableRawPointer?] = [nil]
            #expect(calls.clSVMAlloc(bench.context, 0, 64, 0) == nil)
            calls.clSVMFree(bench.context, nil)
            let refusals: [cl_int] = [
                calls.clSetCommandQueueProperty(queue, 0, 1, nil),
                calls.clCreateSubDevicesEXT(bench.device, nil, 0, nil, nil),
                calls.clGetDeviceAndHostTimer(bench.device, &word, &other), calls.clGetHostTimer(bench.device, &word),
                calls.clSetDefaultDeviceCommandQueue(bench.context, bench.device, queue),
                calls.clSetKernelExecInfo(bench.kernel, 0, 0, nil),
                calls.clSetKernelArgSVMPointer(bench.kernel, 0, nil),
                calls.clGetKernelSubGroupInfo(bench.kernel, bench.device, 0, 0, nil, 0, nil, nil),
                calls.clGetKernelSubGroupInfoKHR(bench.kernel, bench.device, 0, 0, nil, 0, nil, nil),
                calls.clSetProgramSpecializationConstant(bench.unbuilt, 0, 4, &word),
                calls.clEnqueueNativeKernel(queue, { _ in }, nil, 0, 0, nil, nil, 0, nil, nil),
                calls.clEnqueueSVMFree(queue, 1, &pointers, nil, nil, 0, nil, &event),
                calls.clEnqueueSVMMemcpy(queue, 1, &word, &other, 8, 0, nil, &event),
                calls.clEnqueueSVMMemFill(queue, &word, &other, 8, 8, 0, nil, &event),
                calls.clEnqueueSVMMap(queue, 1, 0, &word, 8, 0, nil, &event),
                calls.clEnqueueSVMUnmap(queue, &word, 0, nil, &event),
                calls.clEnqueueSVMMigrateMem(queue, 1, nil, nil, 0, 0, nil, &event),
                calls.clGetGLObjectInfo(bench.buffer, nil, nil), calls.clGetGLTextureInfo(bench.image, 0, 0, nil, nil),
                calls.clEnqueueAcquireGLObjects(queue, 0, nil, 0, nil, &event),
                calls.clEnqueueReleaseGLObjects(queue, 0, nil, 0, nil, &event),
                calls.clGetGLContextInfoKHR(nil, 0, 0, nil, nil),
                calls.clEnqueueAcquireEGLObjectsKHR(queue, 0, nil, 0, nil, &event),
                calls.clEnqueueReleaseEGLObjectsKHR(queue, 0, nil, 0, nil, &event),
                bench.creation { calls.clCreateProgramWithIL(bench.context, &word, 8, $0) },
                bench.creation { calls.clCreatePipe(bench.context, 0, 4, 4, nil, $0) },
                bench.creation { calls.clCreateFromGLBuffer(bench.context, 0, 0, $0) },
                bench.creation { calls.clCreateFromGLTexture(bench.context, 0, 0, 0, 0, $0) },
                bench.creation { calls.clCreateFromGLTexture2D(bench.context, 0, 0, 0, 0, $0) },
                bench.creation { calls.clCreateFromGLTexture3D(bench.context, 0, 0, 0, 0, $0) },
                bench.creation { calls.clCreateFromGLRenderbuffer(bench.context, 0, 0, $0) },
                bench.creation { calls.clCreateEventFromGLsyncKHR(bench.context, nil, $0) },
                bench.creation { calls.clCreateFromEGLImageKHR(bench.context, nil, nil, 0, nil, $0) },
                bench.creation { calls.clCreateEventFromEGLSyncKHR(bench.context, nil, nil, $0) },
            ]
            for (index, refusal) in refusals.enumerated() {
                #expect(refusal == CL_INVALID_OPERATION, "the \(index + 1). call")
            }
            #expect(calls.clGetPipeInfo(bench.buffer, 0, 0, nil, nil) == CL_INVALID_MEM_OBJECT)
            #expect(calls.clUnloadCompiler() == CL_SUCCESS)
            #expect(event == nil && word == 0 && other == 0)
            let name = "clGetSessionFactsPRESYNC"
            #expect(
                calls.clGetExtensionFunctionAddress(name) != nil && calls.clGetExtensionFunctionAddress("none") == nil)
            #expect(calls.clGetExtensionFunctionAddressForPlatform(bench.platform, name) != nil)
            #expect(
                calls.clRetainDeviceEXT(bench.device) == CL_SUCCESS
                    && calls.clReleaseDeviceEXT(bench.device) == CL_SUCCESS)
            code = calls.clGetPlatformIDs(0, nil, nil)
            #expect(code == CL_INVALID_VALUE)
        }
    }
}
