import COpenCL
import FleetModel

/// What a version must do right on a device before anyone may use it.
///
/// The kernels cover what compilers and drivers are known to differ in: integer and floating arithmetic, local memory
/// with barriers, atomics, and two dimensions. All numbers are chosen so that every correct device computes the same bits.
struct SelfTestChecks {
    private let queue: TestedQueue
    private let computes: Bool
    private var idle: cl_kernel?

    /// - Parameter computes: whether the device runs kernels; one that does not is only asked to keep bytes.
    init(_ queue: TestedQueue, computes: Bool) {
        self.queue = queue
        self.computes = computes
    }

    /// Runs every check, and names each that came out right; throws at the first that did not.
    mutating func run(passed: (String) -> Void) throws(SelfTestFailure) {
        try checkBytes()
        passed("buffers")
        try checkLimit()
        passed("memory limit")
        guard computes else { return }
        let (program, code) = queue.build(SelfTestKernels.source)
        guard let program else { throw SelfTestFailure("clBuildProgram: error \(code)") }
        guard queue.build(SelfTestKernels.brokenSource).program == nil else {
            throw SelfTestFailure("a program that is none is built")
        }
        passed("compiler")
        try checkArithmetic(program)
        passed("arithmetic")
        try checkGroups(program)
        passed("work groups")
        try checkAtomics(program)
        passed("atomics")
        try checkPlane(program)
        passed("dimensions")
        idle = try queue.kernel("idle", of: program)
    }

    /// Small kernels a second, each waited for: the best of some short runs, which what else the host does disturbs least.
    /// Of a device that runs none, commands that are waited for.
    func measureCommandRate() throws(SelfTestFailure) -> Double {
        var best = 0.0
        if let idle { try queue.set(idle, [.buffer(try queue.buffer(of: [0]))]) }
        for run in 0..<4 {
            let started = ContinuousClock.now
            var count = 0
            var elapsed = Duration.zero
            while elapsed < .milliseconds(run == 0 ? 10 : 40) {
                if let idle { try queue.launch(idle, over: [1]) }
                try queue.finish()
                count += 1
                elapsed = started.duration(to: .now)
            }
            // The first run only warms up.
            if run > 0 { best = max(best, Double(count) / (elapsed / .seconds(1))) }
        }
        return best
    }

    /// More than one message holds, at offsets that nothing is aligned to.
    private func checkBytes() throws(SelfTestFailure) {
        let size = 700_001
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let (source, target) = (try queue.requiredBuffer(bytes: size + 64), try queue.requiredBuffer(bytes: size + 64))
        try queue.write(bytes, to: source, at: 5)
        try queue.copy(source, 5, to: target, 11, bytes: size)
        try queue.fill(target, with: 0x0403_0201, at: 16, bytes: 32)
        var expected = bytes
        for index in 0..<32 { expected[5 + index] = UInt8(index % 4 + 1) }
        guard try queue.read(size, from: target, at: 11) == expected else {
            throw SelfTestFailure("bytes that were written, copied and filled come back as others")
        }
    }

    /// The slice must hold.
    private func checkLimit() throws(SelfTestFailure) {
        guard queue.buffer(bytes: Int(TestedWorker.memory.rawValue) + 4_096).buffer == nil else {
            throw SelfTestFailure("a buffer is larger than the slice")
        }
    }

    private func checkArithmetic(_ program: cl_program) throws(SelfTestFailure) {
        let kernel = try queue.kernel("arithmetic", of: program)
        let input = SelfTestKernels.numbers(1_000)
        let (source, target) = (try queue.buffer(of: input), try queue.requiredBuffer(bytes: input.count * 4))
        try queue.set(kernel, [.buffer(source), .buffer(target), .number(0x9E37_79B9)])
        try queue.launch(kernel, over: [input.count])
        try expect(input.map { SelfTestKernels.arithmetic($0, salt: 0x9E37_79B9) }, in: target, "arithmetic")
    }

    private func checkGroups(_ program: cl_program) throws(SelfTestFailure) {
        let kernel = try queue.kernel("groups", of: program)
        let size = SelfTestKernels.groupSize
        let input = SelfTestKernels.numbers(size * 64)
        let (source, target) = (try queue.buffer(of: input), try queue.requiredBuffer(bytes: 64 * 4))
        try queue.set(kernel, [.buffer(source), .buffer(target), .local(size * 4)])
        try queue.launch(kernel, over: [input.count], groups: [size])
        let sums = (0..<64).map { group in input[group * size..<(group + 1) * size].reduce(0, &+) }
        try expect(sums, in: target, "work groups")
    }

    private func checkAtomics(_ program: cl_program) throws(SelfTestFailure) {
        let kernel = try queue.kernel("tally", of: program)
        let input = SelfTestKernels.numbers(4_096)
        let (source, target) = (try queue.buffer(of: input), try queue.buffer(of: [UInt32](repeating: 0, count: 16)))
        try queue.set(kernel, [.buffer(source), .buffer(target)])
        try queue.launch(kernel, over: [input.count])
        var counts = [UInt32](repeating: 0, count: 16)
        for number in input { counts[Int(number % 16)] += 1 }
        try expect(counts, in: target, "atomics")
    }

    private func checkPlane(_ program: cl_program) throws(SelfTestFailure) {
        let kernel = try queue.kernel("turn", of: program)
        let (width, height) = (37, 53)
        let input = SelfTestKernels.numbers(width * height)
        let (source, target) = (try queue.buffer(of: input), try queue.requiredBuffer(bytes: input.count * 4))
        try queue.set(kernel, [.buffer(source), .buffer(target)])
        try queue.launch(kernel, over: [width, height])
        let turned = (0..<width * height).map { input[$0 % height * width + $0 / height] }
        try expect(turned, in: target, "two dimensions")
    }

    private func expect(_ expected: [UInt32], in buffer: cl_mem, _ what: String) throws(SelfTestFailure) {
        let found = try queue.readNumbers(expected.count, from: buffer)
        guard let place = expected.indices.first(where: { expected[$0] != found[$0] }) else { return }
        throw SelfTestFailure(
            "\(what): wrong result \(found[place]) at \(place), where \(expected[place]) is right")
    }
}
