import FleetModel
import Glibc
import RemotingCore
import Testing

@testable import AgentRuntime

@Suite("Which instance a program belongs to")
struct InstanceDirectoryTests {
    private let near = InstanceID(unchecked: "near")
    private let far = InstanceID(unchecked: "far")
    private let host = InstanceID(unchecked: "host")

    @Test("The nearest ancestor decides, then the host")
    func ancestors() {
        var directory = InstanceDirectory()
        #expect(directory.instance(of: getpid()) == nil)
        directory.add(host, .host)
        #expect(directory.instance(of: getpid()) == host)
        directory.add(far, .processTree(root: getppid()))
        #expect(directory.instance(of: getpid()) == far)
        directory.add(near, .processTree(root: getpid()))
        #expect(directory.instance(of: getpid()) == near)
        directory.remove(near)
        #expect(directory.instance(of: getpid()) == far)
    }

    @Test("A program of the host may found an instance; one of another instance may not")
    func registrationWithinHost() {
        let credentials = PeerCredentials(pid: getpid(), uid: getuid())
        func judge(current: InstanceID) -> RegistrationPolicy.Judgement {
            let registrant = HandOverServer.Registrant(
                token: PollToken(rawValue: 1),
                wanted: InstanceRegistration(
                    instance: "new", tenant: "t", application: "a", priorityClass: "standard"),
                credentials: credentials, current: current)
            return RegistrationPolicy.ownUser.judge(registrant, present: [host, near], registered: 0, host: host)
        }
        let description = InstanceDescription(
            id: InstanceID(unchecked: "new"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "a"))
        #expect(judge(current: host) == .accepted(description, .processTree(root: getpid())))
        #expect(judge(current: near) == .refused("the program belongs to the instance near"))
    }

    @Test("Who uses an instance is told only where that is permitted")
    func registeredUser() {
        func judge(_ user: String?, tellsUsers: Bool) -> RegistrationPolicy.Judgement {
            let registrant = HandOverServer.Registrant(
                token: PollToken(rawValue: 1),
                wanted: InstanceRegistration(
                    instance: "new", tenant: "t", application: "a", priorityClass: "standard", user: user),
                credentials: PeerCredentials(pid: getpid(), uid: 1_000), current: nil)
            return RegistrationPolicy.anyone.judge(
                registrant, present: [], registered: 0, host: nil, tellsUsers: tellsUsers)
        }
        func user(_ judgement: RegistrationPolicy.Judgement) -> String? {
            if case .accepted(let description, _) = judgement { description.user?.rawValue } else { "refused" }
        }
        #expect(user(judge(nil, tellsUsers: true)) == "uid-1000")
        #expect(user(judge("ann", tellsUsers: true)) == "ann")
        #expect(user(judge(nil, tellsUsers: false)) == nil)
        #expect(user(judge("ann", tellsUsers: false)) == nil)
        #expect(user(judge("not a name", tellsUsers: true)) == "refused")
    }

    @Test("An instance with several virtual GPUs takes as many names, none of which may be in use")
    func registeredGPUs() {
        func judge(_ name: String, gpus: UInt8, present: Set<InstanceID>) -> RegistrationPolicy.Judgement {
            let registrant = HandOverServer.Registrant(
                token: PollToken(rawValue: 1),
                wanted: InstanceRegistration(
                    instance: name, tenant: "t", application: "a", priorityClass: "standard", gpus: gpus),
                credentials: PeerCredentials(pid: getpid(), uid: getuid()), current: nil)
            return RegistrationPolicy.anyone.judge(registrant, present: present, registered: 0, host: nil)
        }
        let taken = InstanceID(unchecked: "render/gpu1")
        let description = InstanceDescription(
            id: InstanceID(unchecked: "render"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "a"))
        #expect(judge("render", gpus: 2, present: [near]) == .accepted(description, .processTree(root: getpid())))
        #expect(judge("render", gpus: 1, present: [taken]) == .accepted(description, .processTree(root: getpid())))
        #expect(judge("render", gpus: 2, present: [taken]) == .refused("there is an instance render/gpu1 already"))
        #expect(judge("render/gpu1", gpus: 1, present: [taken]) == .refused("there is an instance render/gpu1 already"))
        guard case .refused(let reason) = judge(String(repeating: "x", count: 128), gpus: 2, present: []) else {
            Issue.record("accepted")
            return
        }
        #expect(reason.contains("too long for 2 virtual GPUs"))
    }

    @Test("How many virtual GPUs an instance has is said after all else, and not where it has one")
    func registeredGPUsOnTheWire() throws {
        var registration = InstanceRegistration(
            instance: "i", tenant: "t", application: "a", isApplicationDeclared: false, priorityClass: "p",
            scope: .cgroup, user: "u")
        let one = HandOverRequest.registerInstance(registration).encoded()
        registration.gpus = 16
        var bytes = HandOverRequest.registerInstance(registration).encoded()
        #expect(bytes.count == one.count + 1)
        #expect(try HandOverRequest(decoding: bytes) == .registerInstance(registration))
        for wrong in [0, 1, 17] as [UInt8] {
            bytes[bytes.count - 1] = wrong
            #expect { try HandOverRequest(decoding: bytes) } throws: { ($0 as? RemotingError)?.code == .malformed }
        }
    }

    @Test("A program may claim the cgroup that it is in, and only while its user has it alone")
    func cgroupOwnership() {
        if let path = CgroupOwnership.path(of: PeerCredentials(pid: getpid(), uid: getuid())) {
            #expect(CgroupMembership(running: getpid())?.isInside(path) == true)
        }
        #expect(CgroupOwnership.path(of: PeerCredentials(pid: getpid(), uid: 4_000_000)) == nil)
    }

    @Test(
        "A selector that cannot be is named",
        arguments: [
            .processTree(root: 0), .cgroup(path: "/"), .cgroup(path: "x"), .cgroup(path: "/a/../b"),
        ] as [InstanceSelector])
    func selectors(selector: InstanceSelector) {
        #expect(selector.problem != nil)
    }
}
