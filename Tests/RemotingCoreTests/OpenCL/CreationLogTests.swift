import RemotingCore
import Testing

@Suite("The log of what a client has made")
struct CreationLogTests {
    private static let context = ObjectID(rawValue: 1)
    private static let program = ObjectID(rawValue: 2)
    private static let kernel = ObjectID(rawValue: 3)
    private static let buffer = ObjectID(rawValue: 4)
    private static let part = ObjectID(rawValue: 5)
    private static let linked = ObjectID(rawValue: 6)
    private static let source = Array("kernel void k(global int *x) {}".utf8)[...]

    private func call(_ number: UInt64) -> CallID { CallID(rawValue: number) }

    private func log(_ requests: OpenCLRequest...) -> CreationLog {
        var log = CreationLog()
        for request in requests { log.note(request) }
        return log
    }

    private func requests(of log: CreationLog) throws -> [OpenCLRequest] {
        var last: UInt64 = 100
        return try #require(
            log.requests {
                last += 1
                return CallID(rawValue: last)
            })
    }

    @Test("gives creations in their order, with calls numbered anew and the last value of each argument")
    func again() throws {
        let log = log(
            .createContext(Self.context), .createProgram(Self.program, context: Self.context),
            .appendSource(program: Self.program, Self.source),
            .buildProgram(call(1), program: Self.program, options: [0x2D]),
            .createKernel(Self.kernel, program: Self.program, name: "k"),
            .setArgument(kernel: Self.kernel, index: 0, .local(size: 1)),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 8),
            .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
            .marker(queue: ObjectID(rawValue: 9), CommandOrder(event: ObjectID(rawValue: 10)), isBarrier: false))
        #expect(
            try requests(of: log) == [
                .createContext(Self.context), .createProgram(Self.program, context: Self.context),
                .appendSource(program: Self.program, Self.source),
                .buildProgram(call(101), program: Self.program, options: [0x2D]),
                .createKernel(Self.kernel, program: Self.program, name: "k"),
                .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 8),
                .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
            ])
        #expect(log.bytes == Self.source.count + 1)
    }

    @Test("forgets what was released, unless something was made of it, which then is released again")
    func releases() throws {
        var log = log(
            .createContext(Self.context), .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 8),
            .createSubBuffer(Self.part, parent: Self.buffer, flags: 1, origin: 0, size: 4),
            .release(.buffer, Self.buffer))
        #expect(
            try requests(of: log) == [
                .createContext(Self.context), .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 8),
                .createSubBuffer(Self.part, parent: Self.buffer, flags: 1, origin: 0, size: 4),
                .release(.buffer, Self.buffer),
            ])
        log.note(.release(.buffer, Self.part))
        #expect(try requests(of: log) == [.createContext(Self.context)])
        log.note(.release(.context, Self.context))
        #expect(log.count == 0)
    }

    @Test("keeps a program's last compilation, and those before it that others were linked of")
    func compilations() throws {
        var log = log(.createContext(Self.context), .createProgram(Self.program, context: Self.context))
        func compile(_ number: UInt64) -> OpenCLRequest {
            .compileProgram(call(number), program: Self.program, options: [UInt8(number)], headers: [])
        }
        for number in 1..<200 as Range<UInt64> { log.note(compile(number)) }
        #expect(try requests(of: log).count == 3)
        log.note(.linkProgram(call(1), Self.linked, context: Self.context, options: [], inputs: [Self.program]))
        log.note(compile(201))
        let again = try requests(of: log)
        #expect(
            again.suffix(3) == [
                .compileProgram(call(101), program: Self.program, options: [199], headers: []),
                .linkProgram(call(102), Self.linked, context: Self.context, options: [], inputs: [Self.program]),
                .compileProgram(call(103), program: Self.program, options: [201], headers: []),
            ])
    }

    @Test("leaves out an argument whose buffer is gone: no launch may use it")
    func arguments() throws {
        let log = log(
            .createContext(Self.context), .createProgram(Self.program, context: Self.context),
            .createKernel(Self.kernel, program: Self.program, name: "k"),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 8),
            .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
            .setArgument(kernel: Self.kernel, index: 1, .buffer(.none)), .release(.buffer, Self.buffer))
        #expect(try requests(of: log).last == .setArgument(kernel: Self.kernel, index: 1, .buffer(.none)))
        #expect(try requests(of: log).count == 4)
    }

    @Test("holds nothing, and says so, when it would be too large")
    func bounds() {
        var log = log(.createContext(Self.context), .createProgram(Self.program, context: Self.context))
        let piece = [UInt8](repeating: 0x20, count: CreationLog.capacity / 8)[...]
        for _ in 0..<8 { log.note(.appendSource(program: Self.program, piece)) }
        #expect(log.isComplete && log.bytes == CreationLog.capacity)
        log.note(.appendSource(program: Self.program, [0x20]))
        log.note(.createContext(Self.linked))
        #expect(!log.isComplete && log.count == 0 && log.bytes == 0)
        #expect(log.requests { CallID(rawValue: 1) } == nil)
    }
}
