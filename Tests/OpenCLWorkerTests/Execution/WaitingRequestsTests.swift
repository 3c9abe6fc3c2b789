import RemotingCore
import Testing

@testable import OpenCLWorker

@Suite("Requests that wait for user events")
struct WaitingRequestsTests {
    private static let queue = ObjectID(rawValue: 2)

    /// How many entries like this one are kept.
    private func kept(_ entry: WaitingRequests.Entry) -> Int {
        var waiting = WaitingRequests()
        var count = 0
        while waiting.append(entry) { count += 1 }
        return count
    }

    @Test("are kept up to a number of them, and up to the memory that a client can make them take")
    func bounds() {
        let short = CommandOrder(waitFor: [ObjectID(rawValue: 9)])
        let long = CommandOrder(waitFor: [ObjectID](repeating: ObjectID(rawValue: 9), count: OpenCLInterface.waitList))
        let region = BufferCommand(
            queue: Self.queue, buffer: ObjectID(rawValue: 3), offset: 0, size: 256 << 10, order: short)
        let data = [UInt8](repeating: 0, count: 256 << 10)[...]
        let launch = OpenCLRequest.launchKernel(
            KernelLaunch(
                queue: Self.queue, kernel: ObjectID(rawValue: 4), dimensions: 1, globalSize: SIMD3(1, 0, 0),
                order: short))
        let value = KernelArgument.value([UInt8](repeating: 0, count: OpenCLInterface.argumentValue)[...])
        let arguments = Dictionary(uniqueKeysWithValues: (0..<UInt32(16)).map { ($0, value) })

        #expect(kept(.init(request: .marker(queue: Self.queue, short, isBarrier: false))) == WaitingRequests.capacity)
        #expect(
            kept(.init(request: .writeBuffer(region, data: data))) == WaitingRequests.greatestBytes / (256 << 10) - 1)
        #expect(kept(.init(request: .marker(queue: Self.queue, long, isBarrier: false))) == 8_192)
        #expect(kept(.init(request: launch, arguments: arguments)) == 255)
    }
}
