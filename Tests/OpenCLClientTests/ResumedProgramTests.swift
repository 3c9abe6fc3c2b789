import COpenCL
import Determinism
import FleetModel
import Foundation
import RemotingCore
import Testing
import WorkerControl

extension ClientSessionTests {
    /// A program, the built library in it, a worker in a process of its own, and TCP between them that breaks.
    @Suite("A program hardly notices that its connection breaks")
    struct Resumed {
        /// Changes each element in a way that shows every command that was lost or ran twice.
        private static let source = """
            kernel void advance(global uint *x, uint add) { x[get_global_id(0)] = x[get_global_id(0)] * 3u + add; }
            """

        private struct Program {
            let calls: cl_icd_dispatch
            let queue: cl_command_queue
            let buffer: cl_mem
            let kernel: cl_kernel
            let count: Int

            init(_ loaded: LoadedPlatform, count: Int) throws {
                let calls = loaded.calls
                self.calls = calls
                self.count = count
                var code: cl_int = 0
                var devices: [cl_device_id?] = [loaded.device]
                let context = try #require(calls.clCreateContext(nil, 1, &devices, nil, nil, &code))
                queue = try #require(calls.clCreateCommandQueue(context, loaded.device, 0, &code))
                buffer = try #require(
                    calls.clCreateBuffer(context, cl_mem_flags(CL_MEM_READ_WRITE), count * 4, nil, &code))
                let program = try Resumed.source.withCString { text in
                    var text: UnsafePointer<CChar>? = text
                    return try #require(calls.clCreateProgramWithSource(context, 1, &text, nil, &code))
                }
                try #require(calls.clBuildProgram(program, 0, nil, nil, nil, nil) == CL_SUCCESS)
                kernel = try #require(calls.clCreateKernel(program, "advance", &code))
                var memory: cl_mem? = buffer
                #expect(calls.clSetKernelArg(kernel, 0, MemoryLayout<cl_mem?>.size, &memory) == CL_SUCCESS)
            }

            func write(_ values: [UInt32], at index: Int, blocks: Bool) -> cl_int {
                calls.clEnqueueWriteBuffer(
                    queue, buffer, blocks ? 1 : 0, index * 4, values.count * 4, values, 0, nil, nil)
            }

            func step(_ add: UInt32) -> cl_int {
                var add = add
                var size = count
                let code = calls.clSetKernelArg(kernel, 1, 4, &add)
                guard code == CL_SUCCESS else { return code }
                return calls.clEnqueueNDRangeKernel(queue, kernel, 1, nil, &size, nil, 0, nil, nil)
            }

            func read(at index: Int, _ count: Int) -> [UInt32]? {
                var values = [UInt32](repeating: 0, count: count)
                let code = calls.clEnqueueReadBuffer(
                    queue, buffer, 1, index * 4, count * 4, &values, 0, nil, nil)
                return code == CL_SUCCESS ? values : nil
            }
        }

        /// A worker that is reached by a network that breaks connections.
        private static func start(
            _ limits: WorkerLimits = WorkerLimits(), seed: UInt64
        ) throws -> (RealWorker, CuttingProxy) {
            var proxy: CuttingProxy?
            let worker = try RealWorker(limits: limits) { port in
                let made = try CuttingProxy(to: port, seed: seed)
                proxy = made
                return made.port
            }
            return (worker, try #require(proxy))
        }

        @Test("and computes what it would have, each command once", arguments: [1, 2] as [UInt64])
        func computes(seed: UInt64) throws {
            let (worker, proxy) = try Self.start(seed: seed)
            let loaded = try LoadedPlatform(LoadedPlatform.presync)
            defer {
                proxy.close()
                worker.end(for: loaded)
            }
            let count = 200_000
            let program = try Program(loaded, count: count)
            var random = SeededGenerator(seed: seed)
            var expected = (0..<count).map { _ in UInt32(truncatingIfNeeded: random.next()) }
            #expect(program.write(expected, at: 0, blocks: true) == CL_SUCCESS)
            proxy.beginCutting()
            var rounds = 0
            while proxy.cuts < 60, rounds < 400 {
                rounds += 1
                for _ in 0..<random.below(4) {
                    let add = UInt32(truncatingIfNeeded: random.next())
                    #expect(program.step(add) == CL_SUCCESS)
                    for index in expected.indices { expected[index] = expected[index] &* 3 &+ add }
                }
                let start = Int(random.below(UInt64(count)))
                let size = 1 + Int(random.below(UInt64(random.chance(1, in: 2) ? 500 : count - start)))
                let range = start..<min(start + size, count)
                if random.chance(1, in: 2) {
                    var values = range.map { _ in UInt32(truncatingIfNeeded: random.next()) }
                    expected.replaceSubrange(range, with: values)
                    #expect(program.write(values, at: start, blocks: random.chance(1, in: 2)) == CL_SUCCESS)
                    // The memory is the program's again.
                    for index in values.indices { values[index] = 0 }
                } else {
                    let values = try #require(program.read(at: start, range.count))
                    #expect(values == Array(expected[range]))
                }
            }
            proxy.stopCutting()
            let values = try #require(program.read(at: 0, count))
            #expect(values == expected)
            #expect(proxy.cuts >= 60)
        }

        @Test("a break while it is in no call included")
        func isWatched() throws {
            let (worker, proxy) = try Self.start(WorkerLimits(resumption: .seconds(3)), seed: 3)
            let loaded = try LoadedPlatform(LoadedPlatform.presync)
            defer {
                proxy.close()
                worker.end(for: loaded)
            }
            let program = try Program(loaded, count: 16)
            #expect(program.write(Array(0..<16), at: 0, blocks: true) == CL_SUCCESS)
            #expect(program.step(1) == CL_SUCCESS)
            #expect(program.read(at: 0, 1) == [1])
            proxy.cutOnce()
            // Longer than the worker waits for a client that does not come back.
            usleep(5_000_000)
            #expect(program.read(at: 1, 2) == [4, 7])
        }

        @Test("but a worker that is gone is noticed at once, and so is one that nobody can reach any more")
        func loses() throws {
            for isKilled in [true, false] {
                let (worker, proxy) = try Self.start(WorkerLimits(resumption: .milliseconds(300)), seed: 4)
                let loaded = try LoadedPlatform(LoadedPlatform.presync)
                let program = try Program(loaded, count: 16)
                #expect(program.read(at: 0, 1) != nil)
                if isKilled { kill(worker.processID, SIGKILL) }
                proxy.close()
                #expect(program.read(at: 0, 1) == nil)
                #expect(program.step(1) == CL_DEVICE_NOT_AVAILABLE)
                #expect(worker.awaitEnd())
                worker.end(for: loaded)
            }
        }
    }
}
