import FleetModel

/// The manager's grants, found by name, by the agent and by the GPU server that they concern; and which of them are to
/// be looked at.
///
/// A message concerns one peer, so what it makes the manager visit is that peer's grants, however large the fleet is.
/// Grants are numbered in the order of their beginning, so each list is ascending without being sorted.
struct GrantTable: Sendable {
    private var records: [GrantID: ManagerMachine.GrantRecord] = [:]
    private var byAgent: [AgentID: [GrantID]] = [:]
    private var byServer: [GPUServerID: [GrantID]] = [:]
    /// Grants of which something was wanted or learned since they were last looked at.
    private var touched: Set<GrantID> = []
    /// Grants whose sides do not yet have what is wanted: what was said to them may have been lost.
    private var unsettled: Set<GrantID> = []

    /// One grant, to read and to change. A grant is taken in by ``insert(_:)`` and forgotten by ``remove(_:)`` alone.
    subscript(_ id: GrantID) -> ManagerMachine.GrantRecord? {
        get { records[id] }
        _modify {
            let wasThere = records[id] != nil
            yield &records[id]
            precondition((records[id] != nil) == wasThere, "a grant was added or removed past its table's lists")
        }
    }

    /// All grants, in no order.
    var unordered: some Collection<ManagerMachine.GrantRecord> { records.values }

    /// All grants, ascending. O(grants log grants)
    var ascending: [GrantID] { records.keys.sorted() }

    /// The agents that have grants, ascending.
    var agents: [AgentID] { byAgent.keys.sorted() }

    /// The GPU servers that have grants, ascending.
    var servers: [GPUServerID] { byServer.keys.sorted() }

    /// The grants of an agent's instances, ascending.
    func grants(of agent: AgentID) -> [GrantID] { byAgent[agent] ?? [] }

    /// The grants on a GPU server's devices, ascending.
    func grants(on server: GPUServerID) -> [GrantID] { byServer[server] ?? [] }

    /// Takes in a grant whose number is greater than that of every other, and looks at it.
    mutating func insert(_ record: ManagerMachine.GrantRecord) {
        let id = record.stored.grant
        records[id] = record
        byAgent[record.stored.agent, default: []].append(id)
        byServer[record.stored.device.server, default: []].append(id)
        touch(id)
    }

    /// Forgets a grant. O(grants of its agent and of its GPU server)
    mutating func remove(_ id: GrantID) {
        guard let record = records.removeValue(forKey: id) else { return }
        byAgent.removeMember(id, of: record.stored.agent)
        byServer.removeMember(id, of: record.stored.device.server)
        touched.remove(id)
        unsettled.remove(id)
    }

    // MARK: What is to be looked at

    /// Notes that something is wanted of a grant, or was learned of it.
    mutating func touch(_ id: GrantID) { touched.insert(id) }

    /// Notes whether a grant that was looked at has to be looked at again once a period.
    mutating func settle(_ id: GrantID, isSettled: Bool) {
        if isSettled { unsettled.remove(id) } else { unsettled.insert(id) }
    }

    /// Has every grant that is not settled looked at again.
    mutating func touchUnsettled() { touched.formUnion(unsettled) }

    /// The grants to be looked at now, ascending.
    mutating func takeTouched() -> [GrantID] {
        guard !touched.isEmpty else { return [] }
        defer { touched.removeAll(keepingCapacity: true) }
        return touched.sorted()
    }

    /// Stops the program where a list disagrees with the grants. O(grants log grants)
    func checkInvariants() {
        for (id, record) in records {
            precondition(record.stored.grant == id, "a grant under another's name")
            precondition(grants(of: record.stored.agent).contains(id), "a grant that its agent's list lacks")
            precondition(grants(on: record.stored.device.server).contains(id), "a grant that its server's list lacks")
        }
        precondition(byAgent.values.reduce(0) { $0 + $1.count } == records.count, "an agent's list has too much")
        precondition(byServer.values.reduce(0) { $0 + $1.count } == records.count, "a server's list has too much")
    }
}

extension Dictionary where Value == [GrantID] {
    /// Removes a grant from an ascending list, and the list with its last member.
    fileprivate mutating func removeMember(_ id: GrantID, of key: Key) {
        guard let index = self[key]?.firstIndex(of: id) else { return }
        self[key]?.remove(at: index)
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}
