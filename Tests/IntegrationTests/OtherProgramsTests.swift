import Foundation
import Testing

extension LiveSystemTests {
    /// Programs that others wrote, as Debian has them, unchanged: on a virtual GPU, and on the device that it is of.
    @Suite struct OtherProgramsTests {
        /// What a program said, and its exit status.
        private struct Outcome {
            var end: OwnedProcess.End
            var output: String
            var errors: String
        }

        /// A program by its name; nil, and said, where this host has none.
        private static func find(_ program: String) -> String? {
            let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            let found = folders.map { "\($0)/\(program)" }.first(where: FileManager.default.isExecutableFile)
            if found == nil { print("skipped: no \(program) here (scripts/setup --programs)") }
            return found
        }

        private static func run(
            _ name: String, _ arguments: [String], environment: [String: String] = [:], in folder: String
        ) async throws -> Outcome {
            let path = folder + "/" + UUID().uuidString.prefix(8)
            let process = try OwnedProcess(
                name, arguments, environment: environment, output: path + ".out", errors: path + ".err")
            defer { process.endGroup() }
            let end = try await eventually("\(name) has ended", within: .seconds(120)) { process.poll() }
            let errors = (try? String(contentsOfFile: path + ".err", encoding: .utf8)) ?? ""
            return Outcome(end: end, output: process.output, errors: errors)
        }

        /// Runs `body` with what runs a program on the one instance of a system.
        private static func withSystem(
            _ body: (UpRun, _ remotely: ([String]) async throws -> Outcome) async throws -> Void
        ) async throws {
            let run = try UpRun([
                "--for", "600s", "--warm-up", "0", "--mean-gap", "3000", "--memory-cap", "512MiB",
            ])
            try await eventually("the agent listens", within: .seconds(60)) {
                FileManager.default.fileExists(atPath: run.agentSocket) ? () : nil
            }
            try await body(run) { line in
                try await Self.run(
                    Binaries.presync, ["run", "--agent-socket", run.agentSocket, "--"] + line,
                    environment: ["PYOPENCL_NO_CACHE": "1"], in: run.folder)
            }
        }

        /// What a virtual GPU is truthfully otherwise than the device that it is of: who offers it, its share of memory,
        /// and what is not offered of it.
        private static let differing: Set<String> = [
            "CL_PLATFORM_NAME", "CL_PLATFORM_VENDOR", "CL_PLATFORM_VERSION", "CL_PLATFORM_EXTENSIONS",
            "CL_PLATFORM_ICD_SUFFIX_KHR", "CL_DEVICE_VERSION", "CL_DEVICE_OPENCL_C_VERSION",
            "CL_DEVICE_GLOBAL_MEM_SIZE", "CL_DEVICE_MAX_MEM_ALLOC_SIZE", "CL_DEVICE_HOST_UNIFIED_MEMORY",
            "CL_DEVICE_PARTITION_MAX_SUB_DEVICES", "CL_DEVICE_PARTITION_PROPERTIES", "CL_DEVICE_EXECUTION_CAPABILITIES",
            "CL_DEVICE_BUILT_IN_KERNELS", "CL_DEVICE_EXTENSIONS",
        ]

        /// The values of `clinfo --raw` by their names: a line is an object in brackets, a name, and the value.
        private static func values(_ output: String) -> [String: String] {
            var values: [String: String] = [:]
            for line in output.split(separator: "\n") {
                guard let start = line.range(of: "CL_") else { continue }
                let words = line[start.lowerBound...].split(separator: " ", maxSplits: 1)
                values[String(words[0])] = words.count > 1 ? words[1].trimmingCharacters(in: .whitespaces) : ""
            }
            return values
        }

        @Test func `clinfo answers as on the device itself, in all that is offered`() async throws {
            guard let clinfo = Self.find("clinfo") else { return }
            try await Self.withSystem { run, remotely in
                let local = try await Self.run(clinfo, ["--raw"], in: run.folder)
                let remote = try await remotely([clinfo, "--raw"])
                #expect(remote.end == .exited(0), "\(remote.errors)")
                let (device, offered) = (Self.values(local.output), Self.values(remote.output))
                #expect(offered["CL_PLATFORM_NAME"] == "Presync" && offered.count > 60)
                for (name, value) in offered.sorted(by: { $0.key < $1.key }) where !Self.differing.contains(name) {
                    // Named so up to OpenCL 1.2.
                    let other =
                        device[name]
                        ?? (name == "CL_DEVICE_QUEUE_PROPERTIES" ? device["CL_DEVICE_QUEUE_ON_HOST_PROPERTIES"] : nil)
                    #expect(value == other, "\(name)")
                }
            }
        }

        @Test func `clpeak, routines of CLBlast and pyopencl compute as on the device itself`() async throws {
            // Debian's own Python has Debian's pyopencl.
            let debian = "/usr/bin/python3"
            let python = FileManager.default.isExecutableFile(atPath: debian) ? debian : Self.find("python3")
            let programs = (Self.find("clpeak"), Self.find("clblast_test_xaxpy"))
            try await Self.withSystem { run, remotely in
                if let clpeak = programs.0 {
                    let outcome = try await remotely([clpeak, "--kernel-latency"])
                    #expect(outcome.end == .exited(0), "\(outcome.errors)")
                    #expect(outcome.output.contains("Kernel launch latency"))
                }
                if let axpy = programs.1 {
                    // It compares with a BLAS of the host itself, and says how often they differ.
                    let outcome = try await remotely([axpy, "-platform", "0", "-device", "0"])
                    #expect(outcome.end == .exited(0), "\(outcome.errors)")
                    #expect(outcome.output.contains("36 test(s) passed"))
                    #expect(outcome.output.matches(of: /(\d+) test\(s\) failed/).allSatisfy { $0.output.1 == "0" })
                }
                guard let python else { return }
                let path = run.folder + "/program.py"
                try Self.pythonProgram.write(toFile: path, atomically: true, encoding: .utf8)
                let test = "import pyopencl; pyopencl.get_platforms()[0].get_devices()[0]"
                guard try await Self.run(python, ["-c", test], in: run.folder).end == .exited(0) else {
                    return print("skipped: no pyopencl with a device here (scripts/setup --programs)")
                }
                let local = try await Self.run(python, [path], environment: ["PYOPENCL_NO_CACHE": "1"], in: run.folder)
                #expect(local.end == .exited(0), "\(local.errors)")
                let remote = try await remotely([python, path])
                #expect(remote.end == .exited(0), "\(remote.errors)")
                let (own, other) = (local.output.split(separator: "\n"), remote.output.split(separator: "\n"))
                #expect(own.count == 6 && other.first == "Presync")
                // Bit by bit: the device is the same.
                #expect(own.dropFirst() == other.dropFirst())
            }
        }

        /// Prints the platform's name, and a digest of each of five results.
        private static let pythonProgram = """
            import hashlib
            import numpy as np
            import pyopencl as cl
            import pyopencl.array, pyopencl.clmath, pyopencl.clrandom
            from pyopencl.elementwise import ElementwiseKernel
            from pyopencl.reduction import ReductionKernel
            from pyopencl.scan import GenericScanKernel

            platform = cl.get_platforms()[0]
            context = cl.Context([platform.get_devices()[0]])
            queue = cl.CommandQueue(context)
            print(platform.name)

            def tell(result):
                print(hashlib.sha256(np.ascontiguousarray(result).tobytes()).hexdigest())

            x = cl.array.to_device(queue, np.linspace(-4, 4, 65536, dtype=np.float32))
            tell(cl.clmath.sin(x).get())
            step = ElementwiseKernel(context, "float *x, float f", "x[i] = x[i] * f + 1.0f / (i + 1)", "step_by")
            step(x, np.float32(1.7))
            tell(x.get())
            total = ReductionKernel(context, np.int64, neutral="0", reduce_expr="a + b", map_expr="x[i]", arguments="long *x")
            tell(total(cl.array.arange(queue, 65536, dtype=np.int64)).get())
            scan = GenericScanKernel(context, np.int32, arguments="int *x", input_expr="x[i]", scan_expr="a + b", neutral="0", output_statement="x[i] = item")
            n = cl.array.to_device(queue, np.arange(65536, dtype=np.int32) % 7)
            scan(n)
            tell(n.get())
            tell(cl.clrandom.PhiloxGenerator(context, seed=5).normal(queue, 4096, np.float32).get())
            """
    }
}
