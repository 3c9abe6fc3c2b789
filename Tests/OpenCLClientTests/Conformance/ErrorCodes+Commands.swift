import COpenCL

/// Commands and events.
enum CommandErrors {
    static var cases: [ConformanceCase] { transfers + copies + maps + launches + events }

    private static func read(
        _ bench: ConformanceBench, _ buffer: cl_mem?, _ offset: Int, _ size: Int, waitFor events: [cl_event?] = [],
        queue: cl_command_queue? = nil
    ) -> cl_int {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        return bench.calls.clEnqueueReadBuffer(
            queue ?? bench.queue, buffer, 1, offset, size, &bytes, cl_uint(events.count), events.isEmpty ? nil : events,
            nil)
    }

    private static var transfers: [ConformanceCase] {
        [
            .init("clEnqueueReadBuffer: beyond the end", CL_INVALID_VALUE) { read($0, $0.buffer, 4_000, 200) },
            .init("clEnqueueReadBuffer: nowhere", CL_INVALID_VALUE) {
                $0.calls.clEnqueueReadBuffer($0.queue, $0.buffer, 1, 0, 4, nil, 0, nil, nil)
            },
            .init("clEnqueueReadBuffer: of another context", CL_INVALID_CONTEXT) {
                read($0, $0.buffer, 0, 4, queue: $0.otherQueue)
            },
            .init("clEnqueueReadBuffer: a wait list without a number", CL_INVALID_EVENT_WAIT_LIST) {
                var bytes: cl_uint = 0
                var event: cl_event? = $0.event
                return $0.calls.clEnqueueReadBuffer($0.queue, $0.buffer, 1, 0, 4, &bytes, 0, &event, nil)
            },
            .init("clEnqueueReadBuffer: a number without a wait list", CL_INVALID_EVENT_WAIT_LIST) {
                var bytes: cl_uint = 0
                return $0.calls.clEnqueueReadBuffer($0.queue, $0.buffer, 1, 0, 4, &bytes, 1, nil, nil)
            },
            .init("clEnqueueReadBuffer: a wait list with no event in it", CL_INVALID_EVENT_WAIT_LIST) {
                read($0, $0.buffer, 0, 4, waitFor: [nil])
            },
            .init("clEnqueueReadBuffer: blocking, behind what failed", CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) {
                read($0, $0.buffer, 0, 4, waitFor: [$0.failed])
            },
            .init("clEnqueueWriteBuffer: blocking, behind what failed", CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) {
                var bytes: cl_uint = 0
                var event: cl_event? = $0.failed
                return $0.calls.clEnqueueWriteBuffer($0.queue, $0.buffer, 1, 0, 4, &bytes, 1, &event, nil)
            },
            .init("clEnqueueReadBuffer: what the host may not read", CL_INVALID_OPERATION) { bench in
                var code: cl_int = 0
                let buffer = bench.calls.clCreateBuffer(
                    bench.context, cl_mem_flags(CL_MEM_HOST_WRITE_ONLY), 64, nil, &code)
                defer { _ = bench.calls.clReleaseMemObject(buffer) }
                return read(bench, buffer, 0, 4)
            },
            .init("clEnqueueReadBuffer: an image", CL_INVALID_MEM_OBJECT) { read($0, $0.image, 0, 4) },
            .init("clEnqueueReadBufferRect: an empty one", CL_INVALID_VALUE) {
                var bytes: cl_uint = 0
                let (origin, region) = ([0, 0, 0], [4, 0, 1])
                return $0.calls.clEnqueueReadBufferRect(
                    $0.queue, $0.buffer, 1, origin, origin, region, 0, 0, 0, 0, &bytes, 0, nil, nil)
            },
            .init("clEnqueueReadBufferRect: a pitch less than a row", CL_INVALID_VALUE) {
                var bytes = [UInt8](repeating: 0, count: 64)
                let (origin, region) = ([0, 0, 0], [4, 2, 1])
                return $0.calls.clEnqueueReadBufferRect(
                    $0.queue, $0.buffer, 1, origin, origin, region, 3, 0, 0, 0, &bytes, 0, nil, nil)
            },
            .init("clEnqueueReadImage: beyond its side", CL_INVALID_VALUE) {
                var bytes = [UInt8](repeating: 0, count: 4_096)
                let (origin, region) = ([4, 0, 0], [8, 1, 1])
                return $0.calls.clEnqueueReadImage($0.queue, $0.image, 1, origin, region, 0, 0, &bytes, 0, nil, nil)
            },
            .init("clEnqueueReadImage: a buffer", CL_INVALID_MEM_OBJECT) {
                var bytes = [UInt8](repeating: 0, count: 4_096)
                let (origin, region) = ([0, 0, 0], [1, 1, 1])
                return $0.calls.clEnqueueReadImage($0.queue, $0.buffer, 1, origin, region, 0, 0, &bytes, 0, nil, nil)
            },
        ]
    }

    private static var copies: [ConformanceCase] {
        func fill(_ bench: ConformanceBench, _ pattern: Int, _ offset: Int, _ size: Int) -> cl_int {
            let bytes = [UInt8](repeating: 1, count: 256)
            return bench.calls.clEnqueueFillBuffer(bench.queue, bench.buffer, bytes, pattern, offset, size, 0, nil, nil)
        }
        return [
            .init("clEnqueueCopyBuffer: onto itself", CL_MEM_COPY_OVERLAP) {
                $0.calls.clEnqueueCopyBuffer($0.queue, $0.buffer, $0.buffer, 0, 4, 8, 0, nil, nil)
            },
            .init("clEnqueueCopyBuffer: beyond the end", CL_INVALID_VALUE) {
                $0.calls.clEnqueueCopyBuffer($0.queue, $0.buffer, $0.part, 0, 1_020, 8, 0, nil, nil)
            },
            .init("clEnqueueCopyBufferRect: onto itself", CL_MEM_COPY_OVERLAP) {
                let (from, to, region) = ([0, 0, 0], [1, 0, 0], [4, 2, 1])
                return $0.calls.clEnqueueCopyBufferRect(
                    $0.queue, $0.buffer, $0.buffer, from, to, region, 16, 0, 16, 0, 0, nil, nil)
            },
            .init("clEnqueueFillBuffer: three bytes", CL_INVALID_VALUE) { fill($0, 3, 0, 12) },
            .init("clEnqueueFillBuffer: 256 bytes", CL_INVALID_VALUE) { fill($0, 256, 0, 256) },
            .init("clEnqueueFillBuffer: between two patterns", CL_INVALID_VALUE) { fill($0, 4, 2, 8) },
            .init("clEnqueueCopyImage: onto itself", CL_MEM_COPY_OVERLAP) {
                let (from, to, region) = ([0, 0, 0], [1, 1, 0], [4, 4, 1])
                return $0.calls.clEnqueueCopyImage($0.queue, $0.image, $0.image, from, to, region, 0, nil, nil)
            },
            .init("clEnqueueMigrateMemObjects: none", CL_INVALID_VALUE) {
                $0.calls.clEnqueueMigrateMemObjects($0.queue, 0, nil, 0, 0, nil, nil)
            },
        ]
    }

    private static var maps: [ConformanceCase] {
        func map(_ bench: ConformanceBench, _ flags: Int32, _ offset: Int, _ size: Int) -> cl_int {
            bench.creation {
                bench.calls.clEnqueueMapBuffer(
                    bench.queue, bench.buffer, 1, cl_map_flags(flags), offset, size, 0, nil, nil, $0)
            }
        }
        return [
            .init("clEnqueueMapBuffer: beyond the end", CL_INVALID_VALUE) { map($0, CL_MAP_READ, 4_096, 1) },
            .init("clEnqueueMapBuffer: flags that there are not", CL_INVALID_VALUE) { map($0, 1 << 10, 0, 4) },
            .init("clEnqueueMapBuffer: written anew and read", CL_INVALID_VALUE) {
                map($0, CL_MAP_READ | CL_MAP_WRITE_INVALIDATE_REGION, 0, 4)
            },
            .init("clEnqueueUnmapMemObject: what was not mapped", CL_INVALID_VALUE) {
                var word: cl_int = 0
                return $0.calls.clEnqueueUnmapMemObject($0.queue, $0.buffer, &word, 0, nil, nil)
            },
        ]
    }

    private static func launch(
        _ bench: ConformanceBench, _ name: String, _ dimensions: cl_uint, _ global: [Int]?, _ local: [Int]? = nil,
        offset: [Int]? = nil, setsArguments: Bool = true
    ) -> cl_int {
        var code: cl_int = 0
        guard let kernel = bench.calls.clCreateKernel(bench.program, name, &code) else { return 1 }
        defer { _ = bench.calls.clReleaseKernel(kernel) }
        if setsArguments {
            var (buffer, value): (cl_mem?, cl_uint) = (bench.buffer, 1)
            _ = bench.calls.clSetKernelArg(kernel, 0, 8, &buffer)
            if name == "put" {
                _ = bench.calls.clSetKernelArg(kernel, 1, 16, nil)
                _ = bench.calls.clSetKernelArg(kernel, 2, 4, &value)
            }
        }
        let result = bench.calls.clEnqueueNDRangeKernel(
            bench.queue, kernel, dimensions, offset, global, local, 0, nil, nil)
        _ = bench.calls.clFinish(bench.queue)
        return result
    }

    private static var launches: [ConformanceCase] {
        [
            .init("clEnqueueNDRangeKernel", CL_SUCCESS) { launch($0, "put", 1, [16], [4]) },
            .init("clEnqueueNDRangeKernel: no dimension", CL_INVALID_WORK_DIMENSION) { launch($0, "put", 0, [16]) },
            .init("clEnqueueNDRangeKernel: four dimensions", CL_INVALID_WORK_DIMENSION) {
                launch($0, "put", 4, [1, 1, 1, 1])
            },
            .init("clEnqueueNDRangeKernel: no size", CL_INVALID_GLOBAL_WORK_SIZE) { launch($0, "put", 1, nil) },
            .init("clEnqueueNDRangeKernel: a group that is no part of it", CL_INVALID_WORK_GROUP_SIZE) {
                launch($0, "put", 1, [16], [3])
            },
            .init("clEnqueueNDRangeKernel: a group that is too wide", CL_INVALID_WORK_ITEM_SIZE) {
                launch($0, "put", 1, [1 << 30], [1 << 30])
            },
            .init("clEnqueueNDRangeKernel: a group of too many, each side allowed", CL_INVALID_WORK_GROUP_SIZE) {
                bench in
                var side = 0
                _ = bench.calls.clGetDeviceInfo(
                    bench.device, cl_device_info(CL_DEVICE_MAX_WORK_GROUP_SIZE), MemoryLayout<Int>.size, &side, nil)
                return launch(bench, "put", 2, [side, 2], [side, 2])
            },
            .init("clEnqueueNDRangeKernel: another group than the kernel says", CL_INVALID_WORK_GROUP_SIZE) {
                launch($0, "fixed", 1, [16], [8])
            },
            .init("clEnqueueNDRangeKernel: arguments that were not set", CL_INVALID_KERNEL_ARGS) {
                launch($0, "put", 1, [16], setsArguments: false)
            },
            .init("clEnqueueNDRangeKernel: an offset that overflows", CL_INVALID_GLOBAL_OFFSET) {
                launch($0, "put", 1, [16], offset: [-8])
            },
            .init("clEnqueueNDRangeKernel: on another context's queue", CL_INVALID_CONTEXT) {
                var size = 1
                return $0.calls.clEnqueueNDRangeKernel($0.otherQueue, $0.kernel, 1, nil, &size, nil, 0, nil, nil)
            },
            .init("clEnqueueNativeKernel: not offered", CL_INVALID_OPERATION) {
                $0.calls.clEnqueueNativeKernel($0.queue, { _ in }, nil, 0, 0, nil, nil, 0, nil, nil)
            },
        ]
    }

    private static var events: [ConformanceCase] {
        [
            .init("clWaitForEvents: none", CL_INVALID_VALUE) { $0.calls.clWaitForEvents(0, nil) },
            .init("clWaitForEvents: of two contexts", CL_INVALID_CONTEXT) { bench in
                var code: cl_int = 0
                let other = bench.calls.clCreateUserEvent(bench.otherContext, &code)
                defer { _ = bench.calls.clReleaseEvent(other) }
                _ = bench.calls.clSetUserEventStatus(other, CL_COMPLETE)
                let both = [bench.event, other]
                return bench.calls.clWaitForEvents(2, both)
            },
            .init("clWaitForEvents: one that failed", CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) {
                var event: cl_event? = $0.failed
                return $0.calls.clWaitForEvents(1, &event)
            },
            .init("clGetEventInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetEventInfo($0.event, 1, 0, nil, nil)
            },
            .init("clGetEventProfilingInfo: of a user event", CL_PROFILING_INFO_NOT_AVAILABLE) {
                var time: cl_ulong = 0
                return $0.calls.clGetEventProfilingInfo(
                    $0.failed, cl_profiling_info(CL_PROFILING_COMMAND_END), 8, &time, nil)
            },
            .init("clGetEventProfilingInfo: a parameter that there is not", CL_INVALID_VALUE) {
                $0.calls.clGetEventProfilingInfo($0.event, 1, 0, nil, nil)
            },
            .init("clSetUserEventStatus: of a command's event", CL_INVALID_EVENT) {
                $0.calls.clSetUserEventStatus($0.event, CL_COMPLETE)
            },
            .init("clSetUserEventStatus: twice", CL_INVALID_OPERATION) {
                $0.calls.clSetUserEventStatus($0.failed, CL_COMPLETE)
            },
            .init("clSetUserEventStatus: not an end", CL_INVALID_VALUE) { bench in
                var code: cl_int = 0
                let event = bench.calls.clCreateUserEvent(bench.context, &code)
                defer {
                    _ = bench.calls.clSetUserEventStatus(event, CL_COMPLETE)
                    _ = bench.calls.clReleaseEvent(event)
                }
                return bench.calls.clSetUserEventStatus(event, CL_RUNNING)
            },
            .init("clSetEventCallback: no callback", CL_INVALID_VALUE) {
                $0.calls.clSetEventCallback($0.event, CL_COMPLETE, nil, nil)
            },
            .init("clSetEventCallback: for a state that there is not", CL_INVALID_VALUE) {
                $0.calls.clSetEventCallback($0.event, 7, { _, _, _ in }, nil)
            },
            .init("clEnqueueWaitForEvents: none", CL_INVALID_VALUE) {
                $0.calls.clEnqueueWaitForEvents($0.queue, 0, nil)
            },
            .init("clEnqueueMarker: without an event", CL_INVALID_VALUE) { $0.calls.clEnqueueMarker($0.queue, nil) },
        ]
    }
}
