import ControlLoop
import Determinism
import FleetModel

/// Links: streams that carry messages in order until they break, and faults that no stream has but a machine must bear.
extension FaultyWorld {
    mutating func connect(_ peer: PeerID, _ life: Int) {
        guard let process = process(peer), process.isUp, process.life == life else { return }
        // One that has been replaced may still be found under the manager's address.
        let reachable = managers.indices.filter { managers[$0].process.isUp }
        guard let newest = reachable.last else {
            return schedule(.connects(peer, life: life), after: delay(200...1_500))
        }
        let isMisled = reachable.count > 1 && phase == .faulty && random.chance(1, in: 2)
        let link = LinkID(rawValue: UInt64(links.count))
        links.append(SimulatedLink(manager: isMisled ? reachable[reachable.count - 2] : newest, peer: peer))
        switch peer {
        case .manager:
            break
        case .agent(let index):
            agents[index].link = link
            tell(agent: index, .linkOpened)
        case .server(let index):
            servers[index].link = link
            tell(server: index, .linkOpened)
        }
    }

    mutating func send(_ payload: Payload, on link: LinkID) {
        let index = Int(link.rawValue)
        guard links[index].isOpen else { return }
        trace.add(payload)
        if happens(.messageDropped) { return breakLink(link) }
        let isDelayed = happens(.messageDelayed)
        let arrival = now + delay(isDelayed ? 50...4_000 : 1...5)
        let inOrder = max(arrival, payload.isForManager ? links[index].arrivalAtManager : links[index].arrivalAtPeer)
        let isFree = !payload.needsOrder
        let overtaken = isFree && happens(.messageReordered)
        if overtaken {
            queue.insert(.arrives(link, payload), at: inOrder + delay(5...1_500))
        } else {
            queue.insert(.arrives(link, payload), at: inOrder)
            if payload.isForManager {
                links[index].arrivalAtManager = inOrder
            } else {
                links[index].arrivalAtPeer = inOrder
            }
        }
        if isFree, happens(.messageDuplicated) {
            queue.insert(.arrives(link, payload), at: inOrder + delay(1...2_500))
        }
    }

    mutating func arrive(_ payload: Payload, on link: LinkID) {
        let wire = links[Int(link.rawValue)]
        switch (payload, wire.peer) {
        case (.agentToManager(let message), _) where !wire.isClosedAtManager:
            tell(manager: wire.manager, .agentMessageReceived(message, link))
        case (.serverToManager(let message), _) where !wire.isClosedAtManager:
            tell(manager: wire.manager, .serverMessageReceived(message, link))
        case (.managerToAgent(let message), .agent(let index)) where agents[index].link == link:
            tell(agent: index, .managerMessageReceived(message))
        case (.managerToServer(let message), .server(let index)) where servers[index].link == link:
            tell(server: index, .managerMessageReceived(message))
        default:
            break
        }
    }

    /// The wire is cut. Each end notices in its own time: the manager perhaps only when it has waited in vain.
    mutating func breakLink(_ link: LinkID) {
        let index = Int(link.rawValue)
        guard links[index].isOpen else { return }
        links[index].isOpen = false
        let isHalfOpen = phase == .faulty && random.chance(1, in: 3)
        schedule(.linkEnds(link, atManager: false), after: delay(1...1_500))
        schedule(.linkEnds(link, atManager: true), after: delay(isHalfOpen ? 2_000...9_000 : 1...1_500))
    }

    mutating func linkEnds(_ link: LinkID, atManager: Bool) {
        let wire = links[Int(link.rawValue)]
        if atManager {
            guard !wire.isClosedAtManager else { return }
            links[Int(link.rawValue)].isClosedAtManager = true
            tell(manager: wire.manager, .linkClosed(link))
            return
        }
        switch wire.peer {
        case .manager:
            break
        case .agent(let index):
            guard agents[index].link == link else { return }
            agents[index].link = nil
            tell(agent: index, .linkClosed)
            schedule(.connects(wire.peer, life: agents[index].process.life), after: delay(100...1_500))
        case .server(let index):
            guard servers[index].link == link else { return }
            servers[index].link = nil
            tell(server: index, .linkClosed)
            schedule(.connects(wire.peer, life: servers[index].process.life), after: delay(100...1_500))
        }
    }

    mutating func breakLinks(where isConcerned: (SimulatedLink) -> Bool) {
        for index in links.indices where links[index].isOpen && isConcerned(links[index]) {
            breakLink(LinkID(rawValue: UInt64(index)))
        }
    }
}
