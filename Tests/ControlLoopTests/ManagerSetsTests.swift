import FleetModel
import SessionCore
import Testing

@testable import ControlLoop

/// Instances with several virtual GPUs, on GPU servers with one device of 1 GiB each.
@Suite struct ManagerSetsTests {
    private static func instance(_ name: String, in priorityClass: PriorityClassName = .init(unchecked: "standard"))
        -> InstanceDescription
    {
        InstanceDescription(
            id: InstanceID(unchecked: name), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "x"), priorityClass: priorityClass)
    }

    /// Two instances with two virtual GPUs each, and one with one, all of which want half a device.
    private func fleet(servers: Int, classOfB: PriorityClass = .standard) throws -> ManagerHarness {
        var fleet = ManagerHarness()
        for server in 1...servers { fleet.serverSaysHello("s\(server)", on: UInt64(1 + server)) }
        let pairs = [Self.instance("a"), Self.instance("b", in: classOfB.name)]
        let instances = try pairs.flatMap { try #require($0.members(gpus: 2)) } + [Self.instance("c")]
        fleet.agentSaysHello(on: 1, instances: instances)
        for one in instances { fleet.script.memory[one.id] = 0x1p29 }
        return fleet
    }

    @discardableResult
    private func ask(
        _ fleet: inout ManagerHarness, _ request: UInt64, _ instances: [String]
    ) -> [ManagerEffect] {
        instances.flatMap { instance in
            let asked = GPURequest(
                request: RequestID(rawValue: request), instance: InstanceID(unchecked: instance),
                together: instances.count)
            return fleet.happens(.agentMessageReceived(.gpuRequested(asked), LinkID(rawValue: 1)))
        }
    }

    private func reserved(_ effects: [ManagerEffect]) -> [String] {
        effects.commands.filter { $0.goal == .reserved }.map { "\($0.instance) \($0.device.server)" }
    }

    @Test func aProgramGetsAllThatItAsksForOnDifferentDevices() throws {
        var fleet = try fleet(servers: 2)
        let effects = ask(&fleet, 1, ["a", "a/gpu1"])
        #expect(
            reserved(effects).sorted() == ["a s1", "a/gpu1 s2"] || reserved(effects).sorted() == ["a s2", "a/gpu1 s1"])
        #expect(fleet.manager.waitingRequests == 0)
    }

    @Test func ofOneThatAsksForMoreThanThereIsNothingIsSetAside() throws {
        var fleet = try fleet(servers: 1)
        let effects = ask(&fleet, 1, ["a", "a/gpu1"])
        #expect(reserved(effects).isEmpty)
        #expect(fleet.manager.waitingOverview(fleet.now).count == 2)
        #expect(reserved(ask(&fleet, 2, ["c"])) == ["c s1"], "others are served meanwhile")
        // A second device comes: all of it is had at once.
        fleet.serverSaysHello("s2", on: 3)
        #expect(reserved(fleet.reports()).sorted() == ["a s1", "a/gpu1 s2"])
    }

    @Test func nothingIsSetAsideBeforeAllPartsOfARequestHaveCome() throws {
        var fleet = try fleet(servers: 2)
        let part = GPURequest(request: RequestID(rawValue: 1), instance: InstanceID(unchecked: "a"), together: 2)
        #expect(reserved(fleet.happens(.agentMessageReceived(.gpuRequested(part), LinkID(rawValue: 1)))).isEmpty)
        #expect(reserved(fleet.reports()).isEmpty && fleet.manager.waitingRequests == 1)
        fleet.happens(.agentMessageReceived(.gpuRequestCancelled(RequestID(rawValue: 1)), LinkID(rawValue: 1)))
        #expect(fleet.manager.waitingRequests == 0)
    }

    /// What is ready at its agent is not taken for others while its program waits for the rest, and is free again once the
    /// program has left.
    @Test func whatIsSetAsideForAWaitingProgramStaysUntilItLeaves() throws {
        var fleet = try fleet(servers: 2)
        ask(&fleet, 1, ["a", "a/gpu1"])
        fleet.everythingIsReady()
        #expect(fleet.manager.grants.unordered.allSatisfy { $0.request == RequestID(rawValue: 1) })
        #expect(reserved(ask(&fleet, 2, ["b", "b/gpu1"])).count == 2, "half of each device is left")
        #expect(reserved(ask(&fleet, 3, ["c"])).isEmpty, "nothing of the others' is taken")
        fleet.happens(.agentMessageReceived(.gpuRequestCancelled(RequestID(rawValue: 1)), LinkID(rawValue: 1)))
        #expect(fleet.manager.grants.unordered.filter { $0.request == RequestID(rawValue: 1) }.isEmpty)
        fleet.reports()
        let kept = fleet.manager.grants.unordered.filter { $0.stored.instance.id.rawValue.hasPrefix("a") }
        #expect(!kept.isEmpty && kept.allSatisfy { $0.lifecycle.isReleasing || $0.lifecycle.goal == .warm })
    }

    /// The first in the queue keeps what it has got until the rest is there; who comes later holds nothing meanwhile, so that
    /// neither keeps the other from going on.
    @Test func oneProgramCollectsAndNoOther() throws {
        var fleet = try fleet(servers: 2)
        for request in [8, 9] as [UInt64] {
            ask(&fleet, request, ["c"])
            fleet.everythingIsReady()
            handOver(&fleet, request, "c")
        }
        // A device has one half left, or both have.
        let servers = fleet.manager.heldGrants.map(\.device.server)
        #expect(servers.count == 2)
        ask(&fleet, 1, ["a", "a/gpu1"])
        ask(&fleet, 2, ["b", "b/gpu1"])
        let claims = fleet.manager.grants.unordered.compactMap(\.request).map(\.rawValue)
        #expect(!claims.contains(2) || claims.filter { $0 == 2 }.count == 2)
        #expect(claims.contains(1))
    }

    private func handOver(_ fleet: inout ManagerHarness, _ request: UInt64, _ instance: String) {
        let grant = fleet.manager.grants.unordered.filter { grant in
            grant.stored.instance.id.rawValue == instance && !grant.lifecycle.isAttached
        }.max { $0.stored.grant < $1.stored.grant }
        guard let grant else { return }
        let handed = NotificationAcknowledgement(
            grant: grant.stored.grant, epoch: grant.notified?.epoch ?? .zero,
            outcome: .handedOver(RequestID(rawValue: request)))
        fleet.happens(.agentMessageReceived(.acknowledged(handed), LinkID(rawValue: 1)))
    }

    /// Its worker ends before the other session is there: that part is asked for anew, and not forgotten.
    @Test func aPartWhoseSessionEndsEarlyIsServedAgain() throws {
        var fleet = try fleet(servers: 3)
        ask(&fleet, 1, ["a", "a/gpu1"])
        fleet.everythingIsReady()
        let lost = try #require(fleet.manager.heldGrants.first { $0.instance.id.rawValue == "a" })
        let number = try #require(UInt64(lost.device.server.rawValue.dropFirst()))
        let link = LinkID(rawValue: number + 1)
        let end = GrantEnd(lost.grant, .serverFailed, worker: .killed(signal: 9), wasInUse: false)
        fleet.happens(.serverMessageReceived(.grantEnded(end), link))
        let withdrawn = NotificationAcknowledgement(
            grant: lost.grant, epoch: fleet.manager.grants[lost.grant]?.notified?.epoch ?? .zero, outcome: .released)
        fleet.happens(.agentMessageReceived(.acknowledged(withdrawn), LinkID(rawValue: 1)))
        fleet.reports()
        let claims = fleet.manager.grants.unordered.filter {
            $0.request == RequestID(rawValue: 1) && !$0.lifecycle.isReleasing
        }
        #expect(Set(claims.map(\.stored.instance.id.rawValue)) == ["a", "a/gpu1"])
        #expect(!claims.contains { $0.stored.grant == lost.grant })
    }

    /// What is set aside for one that waits is not coming free: a program that asks for less takes what may be taken.
    @Test func nobodyWaitsForWhatIsSetAsideForAnother() throws {
        var fleet = try fleet(servers: 2)
        // Two devices of two halves: one half is prepared for c, three are asked for by others.
        fleet.script.onset[InstanceID(unchecked: "c")] = 1
        fleet.reports([InstanceID(unchecked: "c")])
        fleet.everythingIsReady()
        fleet.reports([InstanceID(unchecked: "c")])
        fleet.everythingIsReady()
        #expect(fleet.manager.heldGrants.map(\.instance.id.rawValue) == ["c"])
        ask(&fleet, 1, ["a", "a/gpu1"])
        fleet.everythingIsReady()
        let effects = ask(&fleet, 2, ["b", "b/gpu1"])
        let places = effects.commands.map { "\($0.instance)" } + fleet.manager.waitingOverview(fleet.now).map(\.reason)
        #expect(!places.contains { $0.contains("waiting for g2") || $0.contains("waiting for g3") }, "\(places)")
    }

    @Test func aPartThatIsHandedOverDoesNotCancelTheOthers() throws {
        var fleet = try fleet(servers: 2)
        ask(&fleet, 1, ["a", "a/gpu1"])
        fleet.everythingIsReady()
        handOver(&fleet, 1, "a")
        #expect(
            fleet.manager.grants.unordered.filter { $0.request != nil }.map(\.stored.instance.id.rawValue) == ["a/gpu1"]
        )
        handOver(&fleet, 1, "a/gpu1")
        #expect(fleet.manager.grants.unordered.allSatisfy { $0.lifecycle.isAttached && $0.request == nil })
        #expect(fleet.manager.totals.requestsFoundReserved == 0, "both had asked")
    }

    @Test func whatIsPreparedAheadIsOnDifferentDevicesToo() throws {
        var fleet = try fleet(servers: 2)
        let members = ["a", "a/gpu1"].map(InstanceID.init(unchecked:))
        for member in members {
            fleet.script.onset[member] = 1
            fleet.script.memory[member] = 0x1p20
        }
        fleet.reports(members)
        fleet.reports(members)
        let devices = fleet.manager.heldGrants.filter { members.contains($0.instance.id) }.map(\.device)
        #expect(devices.count == 2 && Set(devices).count == 2)
    }

    @Test func noMemberIsPromisedMoreThanAllMembersCanHave() throws {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        fleet.happens(
            .serverMessageReceived(
                .hello(
                    GPUServerHello(
                        server: GPUServerID(unchecked: "s2"), softwareVersion: "test",
                        devices: [ManagerHarness.device("s2", memory: .mebibytes(256))], held: [],
                        epochs: [Epoch(term: 1, counter: 0)], installed: [ManagerHarness.version])),
                LinkID(rawValue: 3)))
        let members = try #require(Self.instance("a").members(gpus: 2))
        fleet.agentSaysHello(on: 1, instances: members)
        for one in members { fleet.script.memory[one.id] = 0x1p30 }
        fleet.reports(members.map(\.id))
        let effects = ask(&fleet, 1, ["a", "a/gpu1"])
        #expect(effects.commands.filter { $0.goal == .reserved }.allSatisfy { $0.slice.memory <= .mebibytes(256) })
        #expect(reserved(effects).count == 2)
    }

    /// Each of them alone would be served; what is said is what keeps all of them, and helps all of them.
    @Test func whyTellsWhatOneOfThemLacks() throws {
        var fleet = try fleet(servers: 1)
        ask(&fleet, 1, ["a", "a/gpu1"])
        for name in ["a", "a/gpu1", "r1"] {
            let told = try #require(fleet.manager.explain(name, at: fleet.now).explanation)
            #expect(told.isAsked && told.decision == .short, "\(name): \(told.decision)")
            #expect(told.devices.map(\.verdict) == [.sibling])
            guard case .device(let needed) = told.change else {
                Issue.record("\(told.change)")
                continue
            }
            #expect(needed.memory == .mebibytes(512))
            #expect(told.notes.contains("of 2 devices there is 1"))
            #expect(told.notes.first?.hasPrefix("its program asks for 2 virtual GPUs") == true)
        }
        let first = try #require(fleet.manager.explain("a", at: fleet.now).explanation)
        #expect(first.notes.contains { $0.hasPrefix("it is a/gpu1 that lacks a device") })
        fleet.serverSaysHello("s2", on: 3)
        #expect(reserved(fleet.reports()).count == 2)
        let served = try #require(fleet.manager.explain("a", at: fleet.now).explanation)
        #expect(!served.isAsked && served.notes.contains { $0.hasPrefix("its program asks for 2") })
    }

    @Test func whyNamesTheRoomThatIsMissingOnTheOtherDevice() throws {
        var fleet = try fleet(servers: 2)
        for request in [8, 9, 10] as [UInt64] {
            ask(&fleet, request, ["c"])
            fleet.everythingIsReady()
            handOver(&fleet, request, "c")
        }
        ask(&fleet, 1, ["b", "b/gpu1"])
        let told = try #require(fleet.manager.explain("b", at: fleet.now).explanation)
        #expect(told.decision == .short && Set(told.devices.map(\.verdict)) == [.short, .sibling])
        guard case .room(let missing, let device) = told.change else {
            Issue.record("\(told.change)")
            return
        }
        // One of its sessions ends.
        #expect(missing.memory == .mebibytes(512) && told.held == .reserved && told.isAsked)
        #expect(told.notes.contains { $0.hasPrefix("it is b/gpu1 that lacks") })
        let ended = try #require(fleet.manager.heldGrants.first { $0.device == device })
        let number = try #require(UInt64(device.server.rawValue.dropFirst()))
        let end = GrantEnd(ended.grant, .sessionEnded, worker: .closed, wasInUse: true)
        fleet.happens(.serverMessageReceived(.grantEnded(end), LinkID(rawValue: number + 1)))
        fleet.reports()
        #expect(fleet.manager.waitingRequests == 0)
    }

    @Test func whyTellsThatPartOfARequestHasYetToCome() throws {
        var fleet = try fleet(servers: 2)
        let part = GPURequest(request: RequestID(rawValue: 1), instance: InstanceID(unchecked: "a"), together: 2)
        fleet.happens(.agentMessageReceived(.gpuRequested(part), LinkID(rawValue: 1)))
        let told = try #require(fleet.manager.explain("a", at: fleet.now).explanation)
        #expect(told.decision == .short && told.reason == "its program has yet to ask for the others")
        #expect(told.change == .nothing)
    }

    @Test func whyTellsOfWhatIsSetAsideWhileAnotherPartWaits() throws {
        var fleet = try fleet(servers: 2)
        // A device is full; half of the other is free, and the rest of it is prepared for c.
        for request in [8, 9] as [UInt64] {
            ask(&fleet, request, ["c"])
            fleet.everythingIsReady()
            handOver(&fleet, request, "c")
        }
        ask(&fleet, 7, ["c"])
        fleet.everythingIsReady()
        fleet.happens(.agentMessageReceived(.gpuRequestCancelled(RequestID(rawValue: 7)), LinkID(rawValue: 1)))
        ask(&fleet, 1, ["a", "a/gpu1"])
        let held = Set(fleet.manager.heldGrants.filter { $0.slice.memory > .zero }.map(\.instance.id.rawValue))
        for name in ["a", "a/gpu1"] {
            let told = try #require(fleet.manager.explain(name, at: fleet.now).explanation)
            #expect(told.instance.rawValue == name && told.isAsked)
            #expect((told.held == .reserved) == held.contains(name), "\(told.held) \(held)")
        }
    }

    @Test func whyOfARequestTellsOfThatOne() throws {
        var fleet = try fleet(servers: 1)
        fleet.happens(.linkClosed(LinkID(rawValue: 2)))
        ask(&fleet, 7, ["a"])
        ask(&fleet, 8, ["a", "a/gpu1"])
        let single = try #require(fleet.manager.explain("r7", at: fleet.now).explanation)
        #expect(single.notes.isEmpty && single.decision == .short && single.devices.map(\.verdict) == [.away])
        let both = try #require(fleet.manager.explain("r8", at: fleet.now).explanation)
        #expect(both.notes.first?.hasPrefix("its program asks for 2") == true)
    }

    /// Agents that are out of order can name what they like.
    @Test func aSetHasNoMoreMembersThanItMay() {
        var fleet = ManagerHarness()
        let many = (0..<40).map { number in
            var one = Self.instance("m\(number)")
            one.set = InstanceID(unchecked: "m0")
            return one
        }
        fleet.agentSaysHello(on: 1, instances: many)
        #expect(fleet.manager.sets.values.map(\.count) == [InstanceDescription.maximumGPUs])
        fleet.agentSaysHello(on: 4, instances: [])
        #expect(fleet.manager.sets.isEmpty)
    }
}
