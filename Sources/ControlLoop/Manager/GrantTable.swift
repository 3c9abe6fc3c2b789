import FleetModel
import SessionCore

/// The manager's grants, found by name, by the agent and by the GPU server that they concern; and which of them are to
/// be looked at.
///
/// A message concerns one peer, so what it makes the manager visit is that peer's grants, however large the fleet is.
/// Grants are numbered in the order of their beginning, so each list is ascending without being sorted. Records are large
/// (about 500 bytes): they lie side by side, and beside them what every step asks of each, its ``Standing``, which
/// follows every change by itself.
struct GrantTable: Sendable {
    /// What a step asks of each grant. It has no references: copying it is free.
    struct Standing: Hashable, Sendable {
        /// What the pool counts for it, a slice or not.
        enum Charge: Sendable {
            case none
            case warm
            case slice
            case lowering
        }

        var grant: GrantID
        /// Its instance's; nil while that is not known.
        var place: Int?
        /// Which of its GPU server's devices it is on.
        var deviceIndex: Int
        var charge: Charge
        var isAttached: Bool
        var isReleasing: Bool
        /// Whether it is attached and nothing tells since when.
        var isNewlyAttached: Bool
        /// Whether it is a warm session or a reservation that nobody has or waits for, and that is to stay one.
        var isWaiting: Bool

        /// By its address, as ``InstanceTable/Standing``.
        init(_ record: UnsafePointer<ManagerMachine.GrantRecord>) {
            grant = record.pointee.stored.grant
            place = record.pointee.place
            deviceIndex = record.pointee.stored.device.index
            charge =
                switch record.pointee.charge {
                case .none: .none
                case .warm: .warm
                case .slice: .slice
                case .lowering: .lowering
                }
            isAttached = record.pointee.lifecycle.isAttached
            isReleasing = record.pointee.lifecycle.isReleasing
            isNewlyAttached = isAttached && record.pointee.attachedSince == nil
            let goal = record.pointee.lifecycle.goal
            isWaiting =
                (charge == .warm && goal == .warm || charge == .slice && goal == .reserved) && !isAttached
                && !isReleasing && record.pointee.request == nil
        }
    }

    private struct Tally: Hashable {
        var held: Int32 = 0
        var attached: Int32 = 0
        /// The sum of their places in the table: of a single one its place.
        var places = 0
    }

    private var places = GrantPlaces()
    /// Without gaps: the last one takes the place of one that is forgotten.
    private var records: [ManagerMachine.GrantRecord] = []
    /// By the same places.
    private(set) var standings: [Standing] = []
    /// By an instance's place: how many grants it has, how many of them programs have, and where they are.
    private var tallies: [Tally] = []
    /// The places of instances that have several.
    private(set) var placesOfSeveral: Set<Int> = []
    private var byAgent: [AgentID: [GrantID]] = [:]
    private var byServer: [GPUServerID: [GrantID]] = [:]
    /// Grants of which something was wanted or learned since they were last looked at, some more than once. Not a set: one
    /// that has once held a whole fleet takes as long to go through as if it still did, and this is done at every event.
    private var touched: [GrantID] = []
    /// Grants whose standing has changed since that was last asked for, and those that were forgotten; nil while nobody
    /// asks.
    private var changes: [GrantID]?
    /// Grants whose sides do not yet have what is wanted: what was said to them may have been lost.
    private var unsettled: Set<GrantID> = []

    /// One grant, to read as a copy and to change. A grant is taken in by ``insert(_:)`` and forgotten by ``remove(_:)``
    /// alone. Of many grants each is read by ``read(_:_:)``.
    subscript(_ id: GrantID) -> ManagerMachine.GrantRecord? {
        get { places[id].map { records[$0] } }
        _modify {
            let place = places[id]
            var record = place.map { records[$0] }
            defer {
                precondition((record != nil) == (place != nil), "a grant was added or removed past its table's lists")
                if let place, let changed = record.take() {
                    records[place] = changed
                    noteChange(at: place)
                }
            }
            yield &record
        }
    }

    /// Reads a grant where it lies, by its address, as ``InstanceTable/read(_:_:)`` does; nil where there is none.
    func read<Result>(_ id: GrantID, _ body: (UnsafePointer<ManagerMachine.GrantRecord>) -> Result) -> Result? {
        guard let place = places[id] else { return nil }
        return read(at: place, body)
    }

    /// Reads the grant at one of the places of ``standings``.
    func read<Result>(at place: Int, _ body: (UnsafePointer<ManagerMachine.GrantRecord>) -> Result) -> Result? {
        records.withUnsafeBufferPointer { records in records.baseAddress.map { body($0 + place) } }
    }

    /// Changes a grant where it lies; nil where there is none.
    @discardableResult
    mutating func change<Result>(_ id: GrantID, _ body: (inout ManagerMachine.GrantRecord) -> Result) -> Result? {
        guard let place = places[id] else { return nil }
        let result = body(&records[place])
        noteChange(at: place)
        precondition(standings[place].grant == id, "a grant was given another name")
        return result
    }

    private mutating func noteChange(at place: Int) {
        guard let standing = read(at: place, { Standing($0) }) else { return }
        recount(standings[place], as: standing, at: place)
        // For whom it waits is nothing to who decides.
        standings[place].isWaiting = standing.isWaiting
        if changes != nil, standings[place] != standing { changes?.append(standing.grant) }
        standings[place] = standing
    }

    private mutating func recount(_ former: Standing?, as standing: Standing?, at place: Int) {
        guard former?.place != standing?.place || former?.isAttached != standing?.isAttached else { return }
        count(former, -1, at: place)
        count(standing, 1, at: place)
    }

    private mutating func count(_ standing: Standing?, _ change: Int32, at place: Int) {
        guard let standing, let instance = standing.place else { return }
        while tallies.count <= instance { tallies.append(Tally()) }
        tallies[instance].held += change
        if change > 0, tallies[instance].held == 2 { placesOfSeveral.insert(instance) }
        if change < 0, tallies[instance].held == 1 { placesOfSeveral.remove(instance) }
        tallies[instance].attached += standing.isAttached ? change : 0
        tallies[instance].places += Int(change) * place
    }

    /// Whether the instance at a place has grants, and programs have the session of each. O(1), without a look at the grants.
    func areAllAttached(ofInstanceAt place: Int) -> Bool {
        guard tallies.indices.contains(place) else { return false }
        return tallies[place].held > 0 && tallies[place].held == tallies[place].attached
    }

    /// Where in ``standings`` the only grant of the instance at a place is; nil where it has none, or several. O(1), without a
    /// search for the grant.
    func onlyGrant(ofInstanceAt place: Int) -> Int? {
        guard tallies.indices.contains(place), tallies[place].held == 1 else { return nil }
        return tallies[place].places
    }

    /// Where in ``standings`` a grant is; nil where there is none.
    func place(of id: GrantID) -> Int? { places[id] }

    /// Notes that the grant at one of the places of ``standings`` is wanted as it is.
    mutating func noteWanted(at place: Int, _ now: MonotonicTime) { records[place].unusedSince = now }

    /// What a step asks of a grant; nil where there is none.
    func standing(_ id: GrantID) -> Standing? { places[id].map { standings[$0] } }

    /// All grants, in no order.
    var unordered: some Collection<ManagerMachine.GrantRecord> { records }

    /// All grants, ascending. O(grants log grants)
    var ascending: [GrantID] { standings.map(\.grant).sorted() }

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
        places.set(id, to: records.count)
        records.append(record)
        let standing = withUnsafePointer(to: record) { Standing($0) }
        standings.append(standing)
        recount(nil, as: standing, at: records.count - 1)
        byAgent[record.stored.agent, default: []].append(id)
        byServer[record.stored.device.server, default: []].append(id)
        touch(id)
    }

    /// Forgets a grant. O(grants of its agent and of its GPU server)
    mutating func remove(_ id: GrantID) {
        guard let place = places.remove(id) else { return }
        let record = records[place]
        recount(standings[place], as: nil, at: place)
        let (last, lastStanding) = (records.removeLast(), standings.removeLast())
        if place < records.count {
            records[place] = last
            standings[place] = lastStanding
            if let instance = lastStanding.place { tallies[instance].places += place - records.count }
            places.set(last.stored.grant, to: place)
        }
        byAgent.removeMember(id, of: record.stored.agent)
        byServer.removeMember(id, of: record.stored.device.server)
        unsettled.remove(id)
        changes?.append(id)
    }

    // MARK: What has changed

    /// Begins to take note of grants that change.
    mutating func followChanges() { changes = [] }

    /// What has changed since ``followChanges()``, or since this was last asked.
    mutating func takeChanges() -> [GrantID] {
        defer { if changes != nil { changes = [] } }
        return changes ?? []
    }

    mutating func endChanges() { changes = nil }

    // MARK: What is to be looked at

    /// Notes that something is wanted of a grant, or was learned of it.
    mutating func touch(_ id: GrantID) { if touched.last != id { touched.append(id) } }

    /// Notes whether a grant that was looked at has to be looked at again once a period.
    mutating func settle(_ id: GrantID, isSettled: Bool) {
        if isSettled { unsettled.remove(id) } else { unsettled.insert(id) }
    }

    /// Has every grant that is not settled looked at again.
    mutating func touchUnsettled() { touched.append(contentsOf: unsettled) }

    /// The grants to be looked at now, ascending, each once. One that was forgotten meanwhile may be among them.
    mutating func takeTouched() -> [GrantID] {
        guard touched.count > 1 else {
            defer { touched.removeAll(keepingCapacity: true) }
            return touched
        }
        touched.sort()
        var taken: [GrantID] = []
        for id in touched where id != taken.last { taken.append(id) }
        touched.removeAll(keepingCapacity: true)
        return taken
    }

    /// Stops the program where a list disagrees with the grants. O(grants log grants)
    func checkInvariants() {
        precondition(places.count == records.count && standings.count == records.count, "a grant without a place")
        for (place, record) in records.enumerated() {
            let id = record.stored.grant
            precondition(places[id] == place && standings[place].grant == id, "a grant under another's name")
            precondition(
                withUnsafePointer(to: record) { Standing($0) } == standings[place], "a standing that is out of date")
            precondition(grants(of: record.stored.agent).contains(id), "a grant that its agent's list lacks")
            precondition(grants(on: record.stored.device.server).contains(id), "a grant that its server's list lacks")
        }
        var counted = [Tally](repeating: Tally(), count: tallies.count)
        for (place, standing) in standings.enumerated() {
            guard let instance = standing.place else { continue }
            counted[instance].held += 1
            counted[instance].attached += standing.isAttached ? 1 : 0
            counted[instance].places += place
        }
        precondition(tallies == counted, "a tally that is out of date")
        let several = tallies.indices.filter { tallies[$0].held > 1 }
        precondition(placesOfSeveral == Set(several), "an instance of several grants that is not known as one")
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
