package import FleetModel
import InterfaceCore

/// Which interface version an instance gets and why, for someone who asks: by the same question that opens its sessions.
extension ManagerMachine {
    /// Nil where no such instance is known. O(devices × offers²)
    package func explainInterface(of instance: InstanceID) -> InterfaceExplanation? {
        guard let record = record(of: instance) else { return nil }
        let agent = agents[record.agent]
        let rule = versionRules.rule(for: record.description, class: record.priority.name)
        var choices: [InterfaceExplanation.Choice] = []
        for server in servers.keys.sorted() {
            guard let server = servers[server], server.link != nil else { continue }
            for device in server.devices where choices.count < InterfaceExplanation.choiceLimit {
                choices.append(choice(for: instance, on: device.id, server.installed))
            }
        }
        return InterfaceExplanation(
            instance: instance, kind: configuration.interfaceKind, agent: agent?.link == nil ? nil : record.agent,
            platform: agent?.platform ?? HostPlatform(), installed: agent?.installed ?? [], rule: rule?.rule,
            scope: rule?.scope, choices: choices)
    }

    private func choice(
        for instance: InstanceID, on device: DeviceID, _ installed: [InterfaceVersion]
    ) -> InterfaceExplanation.Choice {
        let question = question(of: instance, on: device)
        let selection = selection(question)
        let model = question.device?.model ?? ""
        let candidates = selection.candidates.prefix(InterfaceExplanation.candidateLimit).map { candidate in
            let version = candidate.offer.version
            let record = versionRecords[RecordKey(version: version, model: model)]
            return InterfaceExplanation.Candidate(
                version: version, isAtClient: question.client.installed.contains(version),
                isAtServer: candidate.isAtServer,
                obstacles: candidate.obstacles.prefix(InterfaceExplanation.obstacleLimit).map(\.description),
                serves: candidate.servedAtClient, opened: record?.opened ?? 0, failed: record?.failed ?? 0,
                timeToOpen: record?.timeToOpen, commandRate: record?.commandRate)
        }
        let pair = selection.chosenPair
        return InterfaceExplanation.Choice(
            device: device, installed: installed, candidates: candidates, worker: pair?.worker, client: pair?.client,
            wanted: selection.wanted, decided: selection.decision(question))
    }
}
