import Determinism
import FleetModel
import Testing

@testable import AgentRuntime

private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

private let statLine =
    "4711 (a (b) c) S 812 4711 4711 0 -1 4194304 2000 30 0 0 120 30 7 3 20 0 5 0 99887 1234567 321 18446744073709551615"

@Suite("Parsers of kernel text")
struct TelemetryParserTests {
    @Test("A process's line is read whatever its name holds")
    func processStat() throws {
        let stat = try #require(ProcessStat(bytes(statLine)))
        #expect(stat.pid == 4711)
        #expect(stat.name == ProgramName("a (b) c".utf8))
        #expect(stat.parent == 812)
        #expect(!stat.hasEnded)
        #expect(stat.ownTicks == 150)
        #expect(stat.childTicks == 10)
        #expect(stat.threads == 5)
        #expect(stat.startTime == 99887)
        #expect(stat.residentPages == 321)
    }

    @Test("The loopback device is left out, and a figure may follow its colon at once")
    func networkDevices() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
                lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0
              eth0:1000 5 0 0 0 0 0 0 70 2 0 0 0 0 0 0
              eth1: 23 5 0 0 0 0 0 0 7 2 0 0 0 0 0 0

            """
        #expect(NetworkCounters(devices: bytes(text)) == NetworkCounters(received: 1023, sent: 77))
    }

    @Test("The host's busy time leaves out idle, waiting and stolen time")
    func hostCPU() {
        #expect(HostUsage.busyTicks(bytes("cpu  10 20 30 4000 500 6 7 800 9 0\ncpu0 1 2 3\n")) == 73)
    }

    @Test("The host's memory is what is not available")
    func hostMemory() {
        let text = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\n"
        #expect(HostUsage.memoryHeld(bytes(text)) == Bytes(600 * 1_024))
        #expect(HostUsage.memoryHeld(bytes("MemTotal: 1 kB\nMemAvailable: 2 kB\n")) == nil)
    }

    @Test("Cgroup figures are found by name")
    func cgroupFigures() {
        #expect(CgroupUsage.usageNanoseconds(bytes("usage_usec 12\nuser_usec 7\n")) == 12_000)
        #expect(CgroupUsage.usageNanoseconds(bytes("usage_usec 18446744073709551615\n")) == nil)
        #expect(CgroupUsage.inactiveFileBytes(bytes("inactive_file 5\ntotal_inactive_file 9\n")) == 9)
        #expect(CgroupUsage.inactiveFileBytes(bytes("anon 1\ninactive_file 5\n")) == 5)
    }

    @Test("The hierarchies of a hybrid host are told apart")
    func hierarchies() {
        let text = """
            proc /proc proc rw 0 0
            cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
            cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0

            """
        #expect(
            CgroupHierarchy(mounts: bytes(text))
                == CgroupHierarchy(
                    unified: "/sys/fs/cgroup/unified", cpuAccounting: "/sys/fs/cgroup/cpu,cpuacct",
                    memory: "/sys/fs/cgroup/memory"))
    }

    @Test("A process is inside its cgroups and those above, never inside the root or a namesake")
    func membership() {
        let membership = CgroupMembership(bytes("4:memory:/pods/a:b\n1:cpu:/\n0::/system/x\n"))
        #expect(membership.isInside("/pods/a:b"))
        #expect(membership.isInside("/pods"))
        #expect(!membership.isInside("/pod"))
        #expect(!membership.isInside("/"))
    }

    @Test(
        "The cgroup that accounts CPU time is version 1's, else that of version 2",
        arguments: [
            ("4:memory:/m\n1:cpu,cpuacct:/one\n0::/two\n", "/one"), ("0::/two\n1:cpu,cpuacct:/one\n", "/one"),
            ("4:memory:/m\n0::/two\n", "/two"), ("4:memory:/m\n", nil),
        ] as [(String, String?)])
    func accountingPath(text: String, path: String?) {
        #expect(CgroupMembership(bytes(text)).accountingPath == path)
    }

    @Test(
        "Only links to sockets name sockets",
        arguments: [
            ("socket:[4711]", 4711), ("socket:[]", nil), ("socket:[99999999999]", nil), ("pipe:[4711]", nil), ("", nil),
        ] as [(String, UInt32?)])
    func socketLinks(link: String, inode: UInt32?) {
        #expect(SocketHolders.socketInode(bytes(link)) == inode)
    }

    @Test("Login sessions are found by their type, and only plain names are followed")
    func loginSessions() {
        func record(type: UInt8, line: String) -> [UInt8] {
            var record = [UInt8](repeating: 0, count: 384)
            record[0] = type
            record.replaceSubrange(8..<(8 + line.utf8.count), with: line.utf8)
            return record
        }
        let file = record(type: 7, line: "pts/0") + record(type: 8, line: "pts/1") + record(type: 7, line: "../x")
        #expect(UserActivity.terminals((file + [1, 2, 3])[...]) == ["pts/0"])
    }

    @Test("No bytes crash a parser", arguments: 0..<20)
    func arbitraryBytes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let samples: [[UInt8]] = [
            Array(statLine.utf8), Array("usage_usec 12\ncpu 1 2 3\nMemTotal: 5 kB".utf8),
            Array("x\ny\n eth0: 1 2 3 4 5 6 7 8 9\n".utf8), Array("4:memory:/a\n0::/b\n".utf8),
            SocketDatagram.answer(cookie: 1, inode: 2, received: 3, sent: 4),
        ]
        for _ in 0..<300 {
            var text = samples[Int(random.below(UInt64(samples.count)))]
            for _ in 0..<random.below(8) {
                text[Int(random.below(UInt64(text.count)))] = UInt8(truncatingIfNeeded: random.next())
            }
            let slice = text[Int(random.below(4))..<Int(4 + random.below(UInt64(text.count - 4)))]
            _ = ProcessStat(slice)
            _ = NetworkCounters(devices: slice)
            _ = HostUsage.busyTicks(slice)
            _ = HostUsage.memoryHeld(slice)
            _ = CgroupUsage.usageNanoseconds(slice)
            _ = CgroupHierarchy(mounts: slice)
            _ = CgroupMembership(slice)
            _ = UserActivity.terminals(slice)
            _ = SocketHolders.socketInode(slice)
            _ = SocketDiagnostics.parse(slice) { _ in }
        }
    }
}
