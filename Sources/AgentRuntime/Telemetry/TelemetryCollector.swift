package import FleetModel
import Glibc
import Synchronization

/// What is measured, and how often.
package struct TelemetryConfiguration: Hashable, Sendable {
    /// Whether the idle time of login sessions is read. It tells about people, so that it is off unless asked for.
    package var watchUserActivity: Bool
    /// How often in a period the socket table is looked at, 1 to 10: a connection that lives shorter than the time
    /// between two looks may not be counted.
    package var socketLooksPerPeriod: Int

    package init(watchUserActivity: Bool = false, socketLooksPerPeriod: Int = 4) {
        self.watchUserActivity = watchUserActivity
        self.socketLooksPerPeriod = socketLooksPerPeriod
    }
}

/// Changes to what is measured, given by any thread and taken up by the collector at its next look.
package final class TelemetryRequests: Sendable {
    enum Request: Sendable {
        case add(InstanceID, InstanceSelector, ApplicationRules?)
        case remove(InstanceID)
        case markAsPresync(cookie: UInt64)
        case unmark(cookie: UInt64)
    }

    /// The lock is held for an append or a swap only, never while anything is measured.
    private let waiting = Mutex<[Request]>([])

    package init() {}

    /// Measure the instance from now on; another selector for the same instance begins anew. `rules` are those by which
    /// its application type is recognised; nil where it was declared.
    package func add(
        _ instance: InstanceID, _ selector: InstanceSelector, recognizedBy rules: ApplicationRules? = nil
    ) {
        append(.add(instance, selector, rules))
    }
    package func remove(_ instance: InstanceID) { append(.remove(instance)) }
    /// Leave a socket's traffic out of every instance's. Give it before the socket connects.
    package func markAsPresync(cookie: UInt64) { append(.markAsPresync(cookie: cookie)) }
    /// A socket that was marked is closed and will not be used by a program.
    package func unmark(cookie: UInt64) { append(.unmark(cookie: cookie)) }

    func take() -> [Request] {
        waiting.withLock { requests in
            defer { requests = [] }
            return requests
        }
    }

    private func append(_ request: Request) { waiting.withLock { $0.append(request) } }
}

/// Measures all instances of this host. Belongs to one thread, which calls it at the times that it is to measure.
package struct TelemetryCollector {
    /// Descriptors of processes that may be looked at between two samples to find new sockets' owners; at a sample the
    /// search is bounded by processes and descriptors alone.
    private static let descriptorBudget = 1_500

    private let configuration: TelemetryConfiguration
    private let requests: TelemetryRequests
    private let hierarchy: CgroupHierarchy
    private let table = SocketTable()
    private var ledger = SocketLedger()
    private var descriptorsLeft = Self.descriptorBudget
    /// Ascending by instance, so that reports have one order.
    private var samplers: [InstanceSampler] = []
    /// The instances whose application type became another with the last sample.
    private(set) var recognized: [RecognizedApplication] = []

    package init(configuration: TelemetryConfiguration, requests: TelemetryRequests) {
        self.init(configuration: configuration, requests: requests, hierarchy: .mounted())
    }

    init(configuration: TelemetryConfiguration, requests: TelemetryRequests, hierarchy: CgroupHierarchy) {
        self.configuration = configuration
        self.requests = requests
        self.hierarchy = hierarchy
    }

    /// Whether looking at sockets between samples is of use.
    package var watchesSockets: Bool { samplers.contains { $0.usesSockets } }

    /// Bytes received and sent by connections that ended before it was known whose they were.
    package var unattributedBytes: (received: UInt64, sent: UInt64) {
        (ledger.unattributed.received, ledger.unattributed.sent)
    }

    /// Looks at the socket table between two samples.
    package mutating func lookAtSockets() {
        takeRequests()
        guard watchesSockets else { return }
        table?.update(&ledger)
        if descriptorsLeft > 0 { findOwners(budget: descriptorsLeft) }
    }

    /// One sample of each instance that there is anything to measure of, ascending by instance.
    package mutating func sample(now: MonotonicTime) -> [InstanceTelemetry] {
        takeRequests()
        descriptorsLeft = Self.descriptorBudget
        let usages = samplers.indices.map { samplers[$0].readUsage() }
        recognized = samplers.indices.compactMap { index in
            samplers[index].recognize().map {
                RecognizedApplication(instance: samplers[index].instance, application: $0)
            }
        }
        let needsTable = samplers.contains { $0.usesSockets || $0.isHost }
        if needsTable {
            table?.update(&ledger)
            findOwners(budget: .max)
        }
        let idle = configuration.watchUserActivity ? UserActivity.shortestIdle() : nil
        return samplers.indices.compactMap { index in
            guard let usage = usages[index] else { return nil }
            var telemetry = samplers[index].sample(usage, at: now, sockets: table == nil ? nil : ledger)
            if let idle { telemetry.samples[0].userIdle = idle }
            return telemetry
        }
    }

    private mutating func takeRequests() {
        for request in requests.take() {
            switch request {
            case .add(let instance, let selector, let rules):
                remove(instance)
                let sampler = InstanceSampler(
                    instance: instance, selector: selector, rules: rules, hierarchy: hierarchy)
                let place = samplers.firstIndex { $0.instance > instance } ?? samplers.endIndex
                samplers.insert(sampler, at: place)
                ledger.lookAgain()
            case .remove(let instance):
                remove(instance)
            case .markAsPresync(let cookie):
                ledger.markAsPresync(cookie: cookie)
            case .unmark(let cookie):
                ledger.unmark(cookie: cookie)
            }
        }
    }

    private mutating func remove(_ instance: InstanceID) {
        samplers.removeAll { $0.instance == instance }
        ledger.forget(.instance(instance))
    }

    /// Looks for the processes that hold sockets whose owner is not known yet.
    private mutating func findOwners(budget: Int) {
        let wanted = ledger.ownerless
        guard !wanted.isEmpty else { return }
        var owners: [UInt32: SocketOwner] = [:]
        var looked = 0
        if samplers.contains(where: \.isHost) {
            looked += SocketHolders.find(wanted, heldBy: getpid(), as: .presync, &owners)
        }
        for index in samplers.indices where samplers[index].usesSockets {
            let owner = SocketOwner.instance(samplers[index].instance)
            for process in samplers[index].processes() where looked < budget && owners.count < wanted.count {
                looked += SocketHolders.find(wanted, heldBy: process, as: owner, &owners)
            }
        }
        descriptorsLeft -= looked
        // A search that was cut short says nothing about what it did not find.
        ledger.assign(owners, searched: looked < budget ? wanted : Set(owners.keys))
    }
}
