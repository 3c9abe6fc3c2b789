import AgentRuntime
import FleetModel
import Foundation
import GPUServerRuntime
import RemotingCore

/// Sessions of as many workers, opened at once by what the agent opens its sessions with. The workers' devices are made
/// up, and each has one session: what is measured is the opening.
enum OpenMeasure {
    /// From when all were asked for to when each was open. Throws where one fails.
    static func run(sessions count: Int) throws -> MeasuredTimes? {
        let folder = NSTemporaryDirectory() + "presync-opens-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let digest = [UInt8](repeating: 7, count: InterfaceIdentity.digestLength)
        guard let version = SemanticVersion(OpenCLInterface.version), let content = ContentDigest(bytes: digest),
            let identity = InterfaceIdentity(
                kind: OpenCLInterface.kind, version: OpenCLInterface.version, digest: digest)
        else { throw CommandFailure(.software, "opencl \(OpenCLInterface.version) is no interface version") }
        let workers = try SyntheticWorkers(
            count: count, executable: try OwnExecutable.companion("presync-worker"), folder: folder,
            interface: InterfaceVersion(kind: OpenCLInterface.kind, version: version, digest: content))
        defer { workers.end() }
        let ticket = SyntheticWorkers.ticket
        let opening = ConcurrentOpening(
            workers.doors.map { door in
                let credential = SessionCredential(
                    grant: door.grant.rawValue, ticketHigh: ticket.high, ticketLow: ticket.low)
                return ConcurrentOpening.Session(
                    grant: door.grant, endpoint: door.endpoint,
                    hello: ClientHello(interface: identity, credential: credential))
            })
        guard let failure = opening.failures.first else {
            return MeasuredTimes(opening.times.map { Double($0 / .nanoseconds(1)) / 1e6 })
        }
        throw CommandFailure(.unavailable, "\(opening.failures.count) of \(count) opens failed: \(failure)")
    }
}
