import FleetModel
import Glibc
import Testing

@testable import AgentRuntime

/// A child process of the test in a process group of its own; the whole group is ended with the test.
private final class Child {
    let pid: pid_t

    init?(_ script: String) {
        var pid: pid_t = 0
        let texts: [UnsafeMutablePointer<CChar>?] = ["/bin/sh", "-c", script].map { (text: String) in strdup(text) }
        defer { texts.forEach { free($0) } }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        guard posix_spawn(&pid, "/bin/sh", nil, &attributes, texts + [nil], environ) == 0 else { return nil }
        self.pid = pid
    }

    deinit {
        kill(-pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}

/// Both ends of a TCP connection within this process.
private struct Connection {
    let near: Int32
    let far: Int32

    init?() {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> (Int32, Int32)? in
                guard bind(listener, address, length) == 0, listen(listener, 1) == 0,
                    getsockname(listener, address, &length) == 0
                else { return nil }
                let near = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                guard connect(near, address, length) == 0 else { return nil }
                let far = accept(listener, nil, nil)
                _ = fcntl(far, F_SETFD, FD_CLOEXEC)
                return (near, far)
            }
        }
        guard let connected else { return nil }
        (near, far) = connected
    }

    var cookie: UInt64 {
        var cookie: UInt64 = 0
        var length = socklen_t(8)
        getsockopt(near, SOL_SOCKET, SO_COOKIE, &cookie, &length)
        return cookie
    }

    /// Sends from the near end and reads at the far one.
    func carry(_ count: Int) {
        var buffer = [UInt8](repeating: 1, count: 1 << 14)
        var left = count
        while left > 0 {
            let sent = send(near, buffer, min(left, buffer.count), 0)
            guard sent > 0 else { return }
            var unread = sent
            while unread > 0 {
                let received = recv(far, &buffer, buffer.count, 0)
                guard received > 0 else { return }
                unread -= received
            }
            left -= sent
        }
    }

    func closeBoth() {
        close(near)
        close(far)
    }
}

private let instance = InstanceID(unchecked: "live")

/// Samples, one second of the collector's time apart, until one satisfies the condition; nil after 10 s of real time.
private func firstSample(
    _ collector: inout TelemetryCollector, where condition: (InstanceTelemetry) -> Bool
) -> InstanceTelemetry? {
    var now = MonotonicTime.seconds(1)
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        now = now + .seconds(1)
        if let telemetry = collector.sample(now: now).first, condition(telemetry) { return telemetry }
    }
    return nil
}

@Suite("Telemetry of real processes")
struct LiveTelemetryTests {
    @Test func whatIsNotOnThisHostIsSaid() {
        #expect(InstanceSelector.processTree(root: getpid()).absence == nil)
        #expect(InstanceSelector.host.absence == nil)
        #expect(InstanceSelector.processTree(root: .max).absence == "there is no process \(Int32.max)")
        #expect(InstanceSelector.cgroup(path: "/presync-is-not-there").absence != nil)
    }

    private func collector(_ selector: InstanceSelector) -> (TelemetryCollector, TelemetryRequests) {
        let requests = TelemetryRequests()
        requests.add(instance, selector)
        return (TelemetryCollector(configuration: TelemetryConfiguration(), requests: requests), requests)
    }

    @Test("A child that computes shows in its tree's CPU, and the tree's memory is not zero")
    func burningChild() throws {
        // The shell's child computes, so that the tree has two levels.
        let child = try #require(Child("(while :; do :; done); :"))
        var (collector, _) = collector(.processTree(root: child.pid))
        let busy = try #require(firstSample(&collector) { $0.samples[0].cpuMilli ?? 0 > 0 })
        #expect(busy.source == .processTree)
        #expect(try #require(busy.samples[0].memory) > .zero)
        #expect(try #require(ProcessIdentity(running: child.pid)).incarnation == busy.incarnation)
    }

    @Test("What a tree runs is recognised, once")
    func recognizedTree() throws {
        let child = try #require(Child("sleep 60 & while :; do :; done"))
        let rules: ApplicationRules = [
            ApplicationRule(
                program: try #require(ProgramPattern("slee?")), application: ApplicationType(unchecked: "sleeper"))
        ]
        let requests = TelemetryRequests()
        requests.add(instance, .processTree(root: child.pid), recognizedBy: rules)
        var collector = TelemetryCollector(configuration: TelemetryConfiguration(), requests: requests)
        // The shell's child is a shell until it runs its program.
        let deadline = ContinuousClock.now + .seconds(10)
        while collector.recognized.isEmpty, ContinuousClock.now < deadline { _ = collector.sample(now: .seconds(1)) }
        #expect(
            collector.recognized == [
                RecognizedApplication(instance: instance, application: ApplicationType(unchecked: "sleeper"))
            ])
        _ = collector.sample(now: .seconds(100))
        #expect(collector.recognized.isEmpty)
    }

    @Test("What a cgroup runs is told from the oldest process on")
    func cgroupPrograms() throws {
        let membership = try #require(CgroupMembership(running: getpid()))
        guard let path = membership.paths.first(where: { $0 != "/" }) else { return }
        var usage = CgroupUsage(path: path, hierarchy: CgroupHierarchy.mounted())
        guard usage.read() != nil else { return }
        let programs = usage.programs(atMost: 8)
        #expect((1...8).contains(programs.count))
        #expect(programs.allSatisfy { $0.count > 0 })
    }

    @Test("A tree whose processes have all ended is not sampled")
    func endedTree() throws {
        var child = Child("exec sleep 60")
        let pid = try #require(child?.pid)
        var (collector, _) = collector(.processTree(root: pid))
        #expect(collector.sample(now: .seconds(1)).count == 1)
        child = nil
        #expect(collector.sample(now: .seconds(2)).isEmpty)
    }

    @Test("Bytes over loopback are counted for the tree that holds the sockets, also after they close")
    func loopbackBytes() throws {
        var (collector, _) = collector(.processTree(root: getpid()))
        _ = collector.sample(now: .seconds(1))
        // The kernel tells what a closed socket carried, but drops notices where many sockets close at once, as they do
        // while other tests run (netlink(7), ENOBUFS): of several connections one at least is heard of.
        let rates = try (2...21).map { second -> (Double, Double) in
            let connection = try #require(Connection())
            collector.lookAtSockets()
            connection.carry(1 << 20)
            connection.closeBoth()
            let sample = try #require(collector.sample(now: .seconds(Double(second))).first?.samples.first)
            return (try #require(sample.networkInRate), try #require(sample.networkOutRate))
        }
        #expect(rates.contains { $0.0 >= Double(1 << 20) && $0.1 >= Double(1 << 20) }, "\(rates)")
    }

    @Test("A marked socket's traffic is nobody's")
    func markedSocket() throws {
        let table = try #require(SocketTable())
        var ledger = SocketLedger()
        table.update(&ledger)
        let connection = try #require(Connection())
        ledger.markAsPresync(cookie: connection.cookie)
        connection.carry(1 << 16)
        table.update(&ledger)
        #expect(ledger.counters(of: .presync).sent >= 1 << 16)
        connection.closeBoth()
    }

    @Test("The host's CPU and memory are to be had")
    func host() throws {
        var (collector, _) = collector(.host)
        let sample = try #require(firstSample(&collector) { $0.samples[0].cpuMilli ?? 0 > 0 })
        #expect(sample.source == .host)
        #expect(try #require(sample.samples[0].memory) > .mebibytes(1))
    }

    @Test("A cgroup's counters are read from version 1 where version 2 has none")
    func cgroup() throws {
        let hierarchy = CgroupHierarchy.mounted()
        let membership = try #require(CgroupMembership(running: getpid()))
        // Whether this process is in a cgroup of its own depends on the machine.
        guard let path = membership.paths.first(where: { $0 != "/" }) else { return }
        var usage = CgroupUsage(path: path, hierarchy: hierarchy)
        let found = usage.read()
        let reading = try #require(found)
        #expect(reading.cpuNanoseconds != nil || reading.memory != nil)
        #expect(reading.incarnation != 0)
    }

    @Test("An instance that is removed is not sampled")
    func removal() {
        var (collector, requests) = collector(.host)
        #expect(collector.sample(now: .seconds(1)).count == 1)
        requests.remove(instance)
        #expect(collector.sample(now: .seconds(2)).isEmpty)
    }
}
