import DeviceDrivers
import FleetModel
import Foundation
import SessionCore
import Synchronization
import Testing

@testable import WorkerControl

@Suite("The page that a worker and its GPU server share")
struct SharePageTests {
    /// A connection whose one end is a worker's that has handed `descriptor` over.
    private func connection(handingOver descriptor: Int32) throws -> (gpuServer: Descriptor, worker: Descriptor) {
        let (own, child) = try ControlSocket.pair()
        var bytes = iovec()
        var byte: UInt8 = 0
        try withUnsafeMutableBytes(of: &byte) { space in
            bytes = iovec(iov_base: space.baseAddress, iov_len: 1)
            // {length, level, type, descriptor}, each aligned to the machine word (cmsg(3)).
            var control = [UInt64](repeating: 0, count: 3)
            control[0] = 20
            control[1] = UInt64(SOL_SOCKET) | UInt64(SCM_RIGHTS) << 32
            control[2] = UInt64(UInt32(bitPattern: descriptor))
            let sent = control.withUnsafeMutableBytes { control in
                withUnsafeMutablePointer(to: &bytes) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return sendmsg(child.number, &message, 0)
                }
            }
            try #require(sent == 1)
        }
        return (own, child)
    }

    @Test("is handed over by its descriptor, and each end sees what the other writes")
    func isShared() throws {
        let page = try SharePage.make()
        let (own, child) = try ControlSocket.pair()
        guard case .nothingYet = SharePage.receive(from: own) else { return #expect(Bool(false)) }
        #expect(page.send(over: child))
        guard case .page(let seen) = SharePage.receive(from: own) else { return #expect(Bool(false)) }
        #expect(seen.turn == .alone)
        seen.set(.shared, aheadLimit: .milliseconds(3))
        #expect(page.turn == .shared && page.aheadLimit == 3_000_000)
        page.addOutstanding()
        page.setWaiting(true)
        page.addBusy(7)
        #expect(seen.observation == TenantObservation(isWaiting: true, outstanding: 1, busy: .nanoseconds(7)))
    }

    @Test("cannot be made smaller or greater by who has it: touching it would end the other")
    func isSealed() throws {
        let page = try SharePage.make()
        let copy = Descriptor(owning: dup(page.descriptor.number))
        #expect(ftruncate(copy.number, 0) != 0 && errno == EPERM)
        #expect(ftruncate(copy.number, 8_192) != 0 && errno == EPERM)
    }

    @Test("is refused where its size can be changed, or is another")
    func refusesOthers() throws {
        let path = "/dev/shm/presync-page-\(getpid())"
        let file = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
        unlink(path)
        let unsealed = Descriptor(owning: file)
        #expect(ftruncate(file, 4_096) == 0)
        let ends = try connection(handingOver: unsealed.number)
        guard case .refused = SharePage.receive(from: ends.gpuServer) else { return #expect(Bool(false)) }
    }

    @Test("is missed where the first byte brings none, or the worker leaves")
    func missesPages() throws {
        let (own, child) = try ControlSocket.pair()
        _ = [UInt8(0)].withUnsafeBytes { child.send($0) }
        guard case .refused = SharePage.receive(from: own) else { return #expect(Bool(false)) }
        shutdown(child.number, Int32(SHUT_RDWR))
        guard case .ended = SharePage.receive(from: own) else { return #expect(Bool(false)) }
    }

    @Test("a worker that hands over something else is named to be ended")
    func namesFault() throws {
        let path = NSTemporaryDirectory() + "share-\(getpid())"
        let listener = try ControlSocket.listen(at: path)
        defer { unlink(path) }
        let faults = Mutex<[GrantID]>([])
        let supervisor = try ShareSupervisor { grant, _ in faults.withLock { $0.append(grant) } }
        let device = DeviceID(server: GPUServerID(unchecked: "s"), index: 0)
        try supervisor.add(GrantID(rawValue: 3), on: device, weight: MilliShare(1), controlPath: path)
        let worker = try #require(listener.acceptConnection())
        _ = [UInt8(0)].withUnsafeBytes { worker.send($0) }
        for _ in 0..<1_000 where faults.withLock({ $0.isEmpty }) { usleep(5_000) }
        #expect(faults.withLock { $0 } == [GrantID(rawValue: 3)])
    }
}
