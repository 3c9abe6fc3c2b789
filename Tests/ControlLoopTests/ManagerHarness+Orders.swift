import FleetModel

@testable import ControlLoop

extension ManagerHarness {
    /// Gives orders, which are durable at once.
    mutating func give(_ changes: OperatorChange...) throws {
        for effect in try manager.change(changes, at: now) {
            if case .persist(let transaction) = effect {
                happens(.storeAnswered(.committed(revision: transaction.expectedRevision + 1)))
            }
        }
    }

    /// A period passes in which the agent of link 1 reports of its instances, and all peers live.
    @discardableResult
    mutating func reports(_ instances: [InstanceID] = [instance.id]) -> [ManagerEffect] {
        let telemetry = instances.map { instance in
            InstanceTelemetry(
                instance: instance, incarnation: 1, source: .host,
                samples: [TelemetrySample(at: now, gpuMemory: .mebibytes(1), gpuCompute: MilliShare(1))])
        }
        let report = PredictionReport(sequence: UInt64(now.secondIndex), sentAt: now, telemetry: telemetry)
        let effects = happens(.agentMessageReceived(.report(report), LinkID(rawValue: 1)))
        return effects + periodPasses()
            + [2, 3].flatMap { link in
                happens(
                    .serverMessageReceived(
                        .interfaceInstalled(Self.version), LinkID(rawValue: link)))
            }
    }

    @discardableResult
    mutating func ask(_ request: UInt64) -> [ManagerEffect] {
        let request = GPURequest(request: RequestID(rawValue: request), instance: Self.instance.id)
        return happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 1)))
    }

    /// The GPU servers and the agent have carried out all that was said.
    mutating func everythingIsReady() {
        for grant in manager.heldGrants {
            let link = LinkID(rawValue: grant.device.server.rawValue == "s1" ? 2 : 3)
            let answer = GrantCommandAnswer(
                grant: grant.grant, epoch: manager.grants[grant.grant]?.commanded?.epoch ?? grant.epoch,
                outcome: .inForce(endpoint: SessionEndpoint(host: grant.device.server.rawValue, port: 1)))
            happens(.serverMessageReceived(.commandAnswered(answer), link))
            let ready = NotificationAcknowledgement(
                grant: grant.grant, epoch: manager.grants[grant.grant]?.notified?.epoch ?? grant.epoch, outcome: .ready)
            happens(.agentMessageReceived(.acknowledged(ready), LinkID(rawValue: 1)))
        }
    }
}

extension [ManagerEffect] {
    func events(_ kind: FleetEvent.Kind) -> [FleetEvent] {
        compactMap { effect in
            guard case .record(let event) = effect, event.kind == kind else { return nil }
            return event
        }
    }
}
