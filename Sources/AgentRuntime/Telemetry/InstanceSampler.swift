import FleetModel

/// Measures one instance: reads its counters once a period and turns their growth into rates.
struct InstanceSampler {
    /// Where the instance's network counters come from.
    private enum Network {
        /// A network namespace of its own: all that its devices carry. Presync's sessions belong to the agent's.
        case namespace(KernelFile)
        /// The devices of the host, less what Presync carries.
        case host(KernelFile)
        /// The agent's namespace, shared with others: the sum over the instance's sockets.
        case sockets
    }

    private struct Reading {
        var at: MonotonicTime
        var usage: UsageReading
        var network: NetworkCounters?
    }

    let instance: InstanceID
    let selector: InstanceSelector
    private var reader: any UsageReader
    /// Nil where the application type was declared, or is not looked for.
    private var recognizer: ApplicationRecognizer?
    private var samplesUntilLook = 0
    private var network: Network?
    private var networkIncarnation: UInt64 = 0
    private var last: Reading?
    private var buffer = [UInt8](repeating: 0, count: 1 << 14)

    /// - Parameter rules: those by which the instance's application type is recognised; nil where it was declared.
    init(instance: InstanceID, selector: InstanceSelector, rules: ApplicationRules?, hierarchy: CgroupHierarchy) {
        self.instance = instance
        self.selector = selector
        recognizer = rules.map(ApplicationRecognizer.init)
        reader =
            switch selector {
            case .processTree(let root): ProcessTreeUsage(rootPid: root)
            case .cgroup(let path): CgroupUsage(path: path, hierarchy: hierarchy)
            case .host: HostUsage()
            }
    }

    /// Whether the instance's traffic is read from its sockets, so that those have to be looked for.
    var usesSockets: Bool {
        if case .sockets = network { true } else { false }
    }

    var isHost: Bool { selector == .host }

    /// The present processes of the instance.
    mutating func processes() -> [Int32] { reader.processes() ?? [] }

    /// The application type of what the instance runs, where that is another than before; to be called once a sample.
    ///
    /// A tree's processes are looked at for their CPU time anyhow. Those of a cgroup are not, so that they are every
    /// fifth time only.
    mutating func recognize() -> ApplicationType? {
        guard recognizer != nil else { return nil }
        guard samplesUntilLook == 0 else {
            samplesUntilLook -= 1
            return nil
        }
        if case .cgroup = selector { samplesUntilLook = 4 }
        return recognizer?.look(at: reader.programs(atMost: ApplicationRecognizer.greatestCount))
    }

    /// Reads CPU and memory, and finds out where the network is read; to be followed by ``sample(at:sockets:)``.
    mutating func readUsage() -> UsageReading? {
        guard let usage = reader.read() else {
            network = nil
            return nil
        }
        if network == nil || networkIncarnation != usage.incarnation {
            network = findNetwork()
            networkIncarnation = usage.incarnation
        }
        return usage
    }

    /// The sample for the period that ends `now`. Rates are left out in the first period of an incarnation.
    mutating func sample(_ usage: UsageReading, at now: MonotonicTime, sockets: SocketLedger?) -> InstanceTelemetry {
        let counters = readNetwork(sockets)
        var sample = TelemetrySample(at: now, memory: usage.memory)
        if let last, last.usage.incarnation == usage.incarnation {
            let elapsed = (now - last.at).inSeconds
            if elapsed > 0 { Self.fillRates(&sample, from: last, to: usage, counters, elapsed: elapsed) }
        }
        last = Reading(at: now, usage: usage, network: counters)
        return InstanceTelemetry(
            instance: instance, incarnation: usage.incarnation, source: reader.source, samples: [sample])
    }

    private static func fillRates(
        _ sample: inout TelemetrySample, from last: Reading, to usage: UsageReading, _ counters: NetworkCounters?,
        elapsed: Double
    ) {
        if let now = usage.cpuNanoseconds, let before = last.usage.cpuNanoseconds {
            sample.cpuMilli = Double(now > before ? now - before : 0) / 1e6 / elapsed
        }
        if let counters, let before = last.network {
            let growth = counters.growth(since: before)
            sample.networkInRate = Double(growth.received) / elapsed
            sample.networkOutRate = Double(growth.sent) / elapsed
        }
    }

    private mutating func readNetwork(_ sockets: SocketLedger?) -> NetworkCounters? {
        switch network {
        case .namespace(let file):
            return file.read(into: &buffer).flatMap(NetworkCounters.init(devices:))
        case .host(let file):
            let all = file.read(into: &buffer).flatMap(NetworkCounters.init(devices:))
            guard let sockets else { return all }
            return all?.growth(since: sockets.counters(of: .presync, remoteOnly: true))
        case .sockets:
            return sockets?.counters(of: .instance(instance))
        case nil:
            return nil
        }
    }

    private mutating func findNetwork() -> Network? {
        if isHost { return KernelFile("/proc/self/net/dev").map { .host($0) } }
        guard let own = FileIdentity(path: "/proc/self/ns/net") else { return nil }
        for process in processes() {
            guard let theirs = FileIdentity(path: "/proc/\(process)/ns/net") else { continue }
            return theirs == own ? .sockets : KernelFile("/proc/\(process)/net/dev").map { .namespace($0) }
        }
        return nil
    }
}
