import DeviceDrivers
package import FleetModel
import Foundation
import WorkerControl

/// Many workers of made-up devices, as a measure of opening sessions needs them: started as any worker is, and ended
/// together with this.
package final class SyntheticWorkers {
    /// What opens the session of one of them.
    package struct Door: Hashable, Sendable {
        package var grant: GrantID
        package var endpoint: SessionEndpoint
    }

    package static let ticket = SessionTicket(high: 1, low: 2)

    package private(set) var doors: [Door] = []
    private var spawned: [WorkerSpawn] = []
    private let executable: String
    private let folder: String
    private let interface: InterfaceVersion

    /// So many start at once: more would only wait for each other.
    private static let wave = 16
    private static let patience = Duration.seconds(30)

    /// Starts `count` workers of `interface` and waits until each is ready. `folder` exists and is this one's own.
    package init(count: Int, executable: String, folder: String, interface: InterfaceVersion) throws {
        self.executable = executable
        self.folder = folder
        self.interface = interface
        do {
            for start in stride(from: 0, to: count, by: Self.wave) {
                let wave = try (start..<min(start + Self.wave, count)).map {
                    try spawn(GrantID(rawValue: UInt64($0 + 1)))
                }
                spawned += wave
                for worker in wave { doors.append(try door(of: worker)) }
            }
        } catch {
            end()
            throw error
        }
    }

    deinit { end() }

    /// Ends them all.
    package func end() {
        for worker in spawned { _ = worker.channel.send(WorkerCommand.terminate.encoded) }
        for worker in spawned {
            let deadline = ContinuousClock.now + .seconds(5)
            while !worker.process.hasEnded() {
                if ContinuousClock.now > deadline { worker.process.kill() }
                usleep(1_000)
            }
        }
        spawned = []
    }

    private func spawn(_ grant: GrantID) throws -> WorkerSpawn {
        let launch = WorkerLaunch(
            grant: grant, instance: InstanceID(unchecked: "bench"),
            device: DeviceID(server: GPUServerID(unchecked: "bench"), index: 0), selector: .synthetic,
            epoch: Epoch(term: 1, counter: 1), slice: Slice(memory: .mebibytes(1), compute: MilliShare(1)),
            interface: interface, listenHost: "127.0.0.1", advertisedHost: "127.0.0.1",
            controlPath: "\(folder)/\(grant.rawValue)", timeToLive: .seconds(600))
        return try WorkerSpawn(executable: executable, launch, limits: WorkerLimits(), ticket: Self.ticket)
    }

    private func door(of worker: WorkerSpawn) throws -> Door {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            var entries = [pollfd(worker.channel.descriptor, POLLIN)]
            wait(for: &entries, milliseconds: 1_000)
            guard let lines = worker.channel.receive() else { break }
            for line in lines {
                guard case .identity(let identity)? = WorkerAnswer(line: line) else { continue }
                return Door(grant: identity.grant, endpoint: identity.endpoint)
            }
        }
        throw SystemError("start of a worker: it does not become ready", code: ETIMEDOUT)
    }
}
