import FleetModel
import Glibc
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

    @Test(
        "A selector that cannot be is named",
        arguments: [
            .processTree(root: 0), .cgroup(path: "/"), .cgroup(path: "x"), .cgroup(path: "/a/../b"),
        ] as [InstanceSelector])
    func selectors(selector: InstanceSelector) {
        #expect(selector.problem != nil)
    }
}
