import DeviceDrivers
import FleetModel
import Foundation
import WorkerControl

/// Why a GPU server cannot go on from what an earlier life of it left.
struct WorkerRecoveryError: Error, Hashable, CustomStringConvertible {
    let description: String
}

/// Finds the workers that an earlier life of the GPU server left: each says who it is, or is ended.
struct WorkerRecovery {
    struct Found {
        var worker: SupervisedWorker
        var identity: WorkerIdentity
    }

    /// How long workers have to say who they are, all together.
    private static let identificationPatience = Duration.seconds(3)
    /// How long a killed process may take to be gone.
    private static let endingPatience = Duration.seconds(5)

    let directory: String

    /// Ascending by grant. Throws when a process that could not be identified does not end.
    func run() throws -> [Found] {
        let grants = try leftGrants()
        var channels: [GrantID: ControlLinkBox] = [:]
        for grant in grants {
            guard let descriptor = try? ControlSocket.connect(to: files(of: grant).controlPath) else { continue }
            let channel = ControlLinkBox(descriptor)
            if channel.send(WorkerCommand.identify.encoded) { channels[grant] = channel }
        }
        let identities = identify(channels)
        return try grants.compactMap { grant in
            let record = SmallFile.read(files(of: grant).recordPath).flatMap { ProcessRecord($0) }
            if let identity = identities[grant], let channel = channels[grant], let record {
                return Found(worker: takeUp(identity, channel, record), identity: identity)
            }
            try end(grant, record, channels[grant])
            return nil
        }
    }

    private func files(of grant: GrantID) -> WorkerFiles { WorkerFiles(directory: directory, grant: grant) }

    /// The grants whose files are there, ascending.
    private func leftGrants() throws -> [GrantID] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        let grants = names.compactMap { name -> GrantID? in
            guard name.hasPrefix("g"), let end = name.range(of: WorkerFiles.controlSuffix)?.lowerBound else {
                return nil
            }
            return UInt64(name[name.index(after: name.startIndex)..<end]).map { GrantID(rawValue: $0) }
        }
        return Set(grants).sorted()
    }

    /// The identities that come within the patience, of workers that are what their files say.
    private func identify(_ channels: [GrantID: ControlLinkBox]) -> [GrantID: WorkerIdentity] {
        let deadline = ContinuousClock.now + Self.identificationPatience
        var silent = channels
        var identities: [GrantID: WorkerIdentity] = [:]
        while !silent.isEmpty, ContinuousClock.now < deadline {
            let waiting = silent.sorted { $0.key < $1.key }
            var entries = waiting.map { pollfd($0.value.descriptor, POLLIN) }
            let left = ContinuousClock.now.duration(to: deadline).inMilliseconds
            wait(for: &entries, milliseconds: Int32(max(1, left)))
            for (grant, channel) in zip(waiting, entries).filter({ $0.1.isReady }).map(\.0) {
                guard let lines = channel.receive() else {
                    silent[grant] = nil
                    continue
                }
                for case .identity(let identity)? in lines.map({ WorkerAnswer(line: $0) }) {
                    silent[grant] = nil
                    if identity.grant == grant { identities[grant] = identity }
                }
            }
        }
        return identities
    }

    private func takeUp(
        _ identity: WorkerIdentity, _ channel: ControlLinkBox, _ record: ProcessRecord
    ) -> SupervisedWorker {
        SupervisedWorker(
            grant: identity.grant, instance: identity.instance, device: identity.device, slice: identity.slice,
            phase: .ready, epoch: identity.epoch,
            endpoint: identity.endpoint, channel: channel,
            process: WorkerProcessHandle(pid: record.pid, record: record), files: files(of: identity.grant))
    }

    /// Ends what cannot be identified, and waits until it is gone.
    private func end(_ grant: GrantID, _ record: ProcessRecord?, _ channel: ControlLinkBox?) throws {
        _ = channel?.send(WorkerCommand.terminate.encoded)
        if let record {
            let process = WorkerProcessHandle(pid: record.pid, record: record)
            process.kill()
            let deadline = ContinuousClock.now + Self.endingPatience
            while !process.hasEnded() {
                guard ContinuousClock.now < deadline else {
                    throw WorkerRecoveryError(
                        description: "process \(record.pid), once the worker of \(grant), does not end")
                }
                usleep(5_000)
            }
        } else if let channel, !Self.closes(channel) {
            throw WorkerRecoveryError(description: "the worker of \(grant) has no record and does not end")
        }
        files(of: grant).remove()
    }

    /// Whether the other end closes within the patience.
    private static func closes(_ channel: ControlLinkBox) -> Bool {
        let deadline = ContinuousClock.now + endingPatience
        while ContinuousClock.now < deadline {
            var entries = [pollfd(channel.descriptor, POLLIN)]
            wait(for: &entries, milliseconds: 100)
            if channel.receive() == nil { return true }
        }
        return false
    }
}
