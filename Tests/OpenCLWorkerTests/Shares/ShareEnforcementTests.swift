import FleetModel
import Foundation
import SessionCore
import Synchronization
import Testing
import WorkerControl

@Suite("Shares of a device are enforced between workers' processes", .serialized)
struct ShareEnforcementTests {
    private static let device = DeviceID(server: GPUServerID(unchecked: "s"), index: 0)

    /// Shares of device time over `duration`, once all compute.
    private static func measure(_ workers: [TestWorkerProcess], for duration: Duration) -> [Double] {
        let before = workers.map(\.page.observation.busy)
        usleep(UInt32(duration.nanoseconds / 1_000))
        let used = zip(workers, before).map { ($0.page.observation.busy - $1).inSeconds }
        return used.map { $0 / used.reduce(0, +) }
    }

    @Test("by weight, whether programs give commands ahead or wait for each, and what one leaves the others take")
    func byWeight() throws {
        let supervisor = try ShareSupervisor { _, _ in }
        let weights = [100, 300, 600]
        let workers = try weights.map { try TestWorkerProcess(compute: MilliShare(Int32($0))) }
        for (index, worker) in workers.enumerated() {
            try supervisor.add(
                GrantID(rawValue: UInt64(index)), on: Self.device, weight: MilliShare(Int32(weights[index])),
                controlPath: worker.controlPath)
        }
        let tenants = zip(workers, [(100_000, 16), (100_000, 1), (50_000, 32)]).map { worker, use in
            ComputingTenant(port: worker.endpoint.port, rounds: UInt32(use.0), ahead: use.1)
        }
        // Until all have built their programs.
        for _ in 0..<1_000 where tenants.contains(where: { $0.ended == 0 }) { usleep(20_000) }
        #expect(tenants.allSatisfy { $0.ended > 0 })
        let shares = Self.measure(workers, for: .seconds(5))
        print("shares of weights \(weights): \(shares.map { ($0 * 1_000).rounded() / 1_000 })")
        for (share, weight) in zip(shares, weights) { #expect(abs(share - Double(weight) / 1_000) < 0.25) }
        #expect(shares[0] < shares[1] && shares[1] < shares[2])

        #expect(tenants[2].stop() == nil)
        let rest = Self.measure(workers, for: .seconds(2))
        print("shares without the last: \(rest.map { ($0 * 1_000).rounded() / 1_000 })")
        #expect(rest[0] + rest[1] > 0.9)
        #expect(tenants[0].stop() == nil && tenants[1].stop() == nil)
        supervisor.close()
        withExtendedLifetime(workers) {}
    }

    @Test("and a command without end stops nobody: its worker is ended at the limit")
    func endlessCommand() throws {
        var settings = ArbiterSettings()
        settings.patience = .milliseconds(500)
        settings.longestCommand = .seconds(10)
        let overran = Mutex<[GrantID]>([])
        let supervisor = try ShareSupervisor(settings) { grant, fault in
            if fault == .overrun { overran.withLock { $0.append(grant) } }
        }
        let workers = try (0..<2).map { _ in try TestWorkerProcess() }
        for (index, worker) in workers.enumerated() {
            try supervisor.add(
                GrantID(rawValue: UInt64(index)), on: Self.device, weight: MilliShare(500),
                controlPath: worker.controlPath)
        }
        let endless = ComputingTenant(port: workers[0].endpoint.port, rounds: 0, ahead: 1)
        for _ in 0..<6_000 where workers[0].page.observation.outstanding == 0 { usleep(10_000) }
        let other = ComputingTenant(port: workers[1].endpoint.port, rounds: 20_000, ahead: 4)
        for _ in 0..<6_000 where overran.withLock({ $0.isEmpty }) { usleep(10_000) }
        #expect(overran.withLock { $0 } == [GrantID(rawValue: 0)])
        #expect(other.ended > 0)
        workers[0].kill()
        #expect(endless.stop() != nil)
        let before = other.ended
        for _ in 0..<1_000 where other.ended == before { usleep(10_000) }
        #expect(other.ended > before)
        #expect(other.stop() == nil)
        supervisor.close()
        withExtendedLifetime(workers) {}
    }

    @Test("and a worker computes on without a GPU server, and asks the next one")
    func serverComesBack() throws {
        let worker = try TestWorkerProcess()
        var supervisor: ShareSupervisor? = try ShareSupervisor { _, _ in }
        try supervisor?.add(
            GrantID(rawValue: 0), on: Self.device, weight: MilliShare(500), controlPath: worker.controlPath)
        let tenant = ComputingTenant(port: worker.endpoint.port, rounds: 1_000, ahead: 4)
        func awaitCommands() -> Bool {
            let before = tenant.ended
            for _ in 0..<1_000 where tenant.ended < before + 8 { usleep(10_000) }
            return tenant.ended >= before + 8
        }
        #expect(awaitCommands())
        supervisor?.close()
        supervisor = nil
        #expect(awaitCommands())
        let next = try ShareSupervisor { _, _ in }
        try next.add(GrantID(rawValue: 0), on: Self.device, weight: MilliShare(500), controlPath: worker.controlPath)
        #expect(awaitCommands())
        #expect(tenant.stop() == nil)
        next.close()
        withExtendedLifetime(worker) {}
    }
}
