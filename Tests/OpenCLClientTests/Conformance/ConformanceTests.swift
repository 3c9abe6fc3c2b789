import COpenCL
import Testing

extension ClientSessionTests {
    @Suite("The client library as OpenCL has it, on a real worker")
    struct ConformanceTests {
        static func withBench(_ body: (ConformanceBench) throws -> Void) throws {
            let worker = try RealWorker()
            let loaded = try LoadedPlatform(LoadedPlatform.presync)
            defer { worker.end(for: loaded) }
            let bench = try ConformanceBench(loaded)
            try body(bench)
            #expect(bench.calls.clFinish(bench.queue) == CL_SUCCESS)
        }

        @Test("every slot of the dispatch table has a function")
        func table() throws {
            try Self.withBench { bench in
                withUnsafeBytes(of: bench.calls) { table in
                    let slots = table.bindMemory(to: UInt.self)
                    #expect(slots.count == MemoryLayout<cl_icd_dispatch>.size / 8)
                    #expect(slots.allSatisfy { $0 != 0 })
                }
            }
        }

        @Test("the error of each wrong argument is the one that the specification names")
        func errors() throws {
            try Self.withBench { bench in
                for entry in ObjectErrors.cases + ProgramErrors.cases + CommandErrors.cases {
                    let code = entry.body(bench)
                    #expect(code == entry.expected, "\(entry.name): \(code), not \(entry.expected)")
                }
            }
        }
    }
}
