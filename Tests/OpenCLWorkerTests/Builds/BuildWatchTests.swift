import DeviceDrivers
import FleetModel
import Foundation
import RemotingCore
import Testing
import WorkerControl

@testable import OpenCLWorker

@Suite("A build takes no longer than it may, and fails once")
struct BuildWatchTests {
    @Test("one that ends in time is as if nobody watched")
    func ends() {
        let watch = BuildWatch(limit: .seconds(3_600))
        for number in 0..<3 {
            guard case .ended(number) = watch.run({ number }) else { return #expect(Bool(false)) }
        }
    }

    @Test("one that does not has failed, and there is no other before it is over")
    func givesUp() {
        let watch = BuildWatch(limit: .milliseconds(20))
        let goesOn = DispatchSemaphore(value: 0)
        guard case .tookTooLong = watch.run({ goesOn.wait() }) else { return #expect(Bool(false)) }
        guard case .refused = watch.run({ 1 }) else { return #expect(Bool(false)) }
        goesOn.signal()
        for _ in 0..<1_000 {
            if case .ended(2) = watch.run({ 2 }) { return }
            usleep(5_000)
        }
        #expect(Bool(false), "no build after the one that took too long")
    }

    @Test("a program is told by the API's own error and the log, and its session goes on")
    func isReported() throws {
        let worker = try TestWorker(limits: WorkerLimits(build: .nanoseconds(1)))
        let client = try TestClient(worker)
        let (context, program) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2))
        try client.send(
            .createContext(context), .createProgram(program, context: context),
            .appendSource(program: program, Array("kernel void f(global int *x) { *x = \(getpid()); }".utf8)[...]))
        guard case .programBuilt(_, let build) = try client.call({ .buildProgram($0, program: program, options: []) })
        else { return #expect(Bool(false)) }
        #expect(build.code == -11)
        #expect(String(decoding: build.log, as: UTF8.self).contains("given up"))
        #expect(try client.finish(ObjectID(rawValue: 9)).code == -36)
    }

    @Test(
        "it is repeated with other options only where these can have been the reason",
        arguments: [
            ("ptxas application ptx input, line 9; fatal : Parsing error near ''", true),
            ("", true),
            ("<kernel>:1:13: error: use of undeclared identifier 'y'", false),
            ("warning: unused variable\nError: build failed", false),
        ])
    func repeats(log: String, isRepeated: Bool) {
        #expect(BuildLog.tellsOfBackend(Array(log.utf8)) == isRepeated)
    }
}
