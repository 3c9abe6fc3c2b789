import FleetModel

/// What the tenants of all application types, and their users, have in common: at most ``tenantLimit`` pools of tenants
/// and ``userLimit`` of users. Of each kind, those without instances that were longest not asked for leave first.
struct TenantPools: Sendable {
    /// With ``userLimit`` 1.6 MB, names included.
    static let tenantLimit = 1_024
    static let userLimit = 3_072

    private struct Key: Hashable {
        let application: Int32
        let tenant: TenantID
        /// Nil for what all of a tenant's instances share.
        let user: UserID?
    }

    private struct Entry: Sendable {
        let key: Key
        /// The pool of a user's tenant.
        let parent: Int16?
        /// How many users of a tenant have a pool.
        var users = 0
    }

    /// Of a pool, what is asked for every instance and second.
    private struct Relation: Sendable {
        var application: Int32 = 0
        var parent: Int16?
        var users = 0
        var members = 0

        init() {}

        init(_ entry: Entry, members: Int) {
            application = entry.key.application
            parent = entry.parent
            users = entry.users
            self.members = members
        }
    }

    /// The places of the pools that tell more of an instance than its application type does; nil where there are none.
    struct Circles: Sendable {
        fileprivate(set) var tenant: Int16?
        fileprivate(set) var user: Int16?

        var isEmpty: Bool { tenant == nil && user == nil }
    }

    private var places: [Key: Int16] = [:]
    /// By place; nil where it is free.
    private var entries: [Entry?] = []
    /// By the same places; an empty one where a place is free. Not in the entries: an optional one, which is large, would be
    /// copied for each figure.
    private var pools: [TenantPool] = []
    /// By the same places.
    private var relations: [Relation] = []
    private var free: [Int16] = []
    /// How many tenants of each application type have a pool.
    private var tenants = [Int](repeating: 0, count: OnsetModel.applicationLimit)
    private var userCount = 0
    private var uses: UInt64 = 0

    /// Pools of tenants and of users.
    var count: Int { places.count }
    /// Instances that are members of a tenant's pool.
    var memberCount: Int { zip(entries, pools).reduce(0) { $0 + ($1.0?.parent == nil ? $1.1.members : 0) } }

    // MARK: Coming and going

    /// A new member of the pools of a type's tenant and user.
    ///
    /// - Returns: the place of the narrowest that there is: of the user, of the tenant where no user is known or all
    ///   pools of users are in use, nil where those of tenants are, too. O(1), and O(pools) when one has to leave.
    mutating func join(application: Int32, tenant: TenantID, user: UserID?) -> Int16? {
        let ofTenant = Key(application: application, tenant: tenant, user: nil)
        guard let parent = place(of: ofTenant, parent: nil) else { return nil }
        changeMembers(of: parent, by: 1)
        guard let user else { return parent }
        let ofUser = Key(application: application, tenant: tenant, user: user)
        guard let own = place(of: ofUser, parent: parent) else { return parent }
        changeMembers(of: own, by: 1)
        return own
    }

    mutating func leave(_ place: Int16?) {
        guard let place else { return }
        changeMembers(of: place, by: -1)
        if let parent = relations[Int(place)].parent { changeMembers(of: parent, by: -1) }
    }

    private mutating func changeMembers(of place: Int16, by number: Int) {
        pools[Int(place)].members += number
        noteRelation(place)
    }

    private mutating func noteRelation(_ place: Int16) {
        while relations.count <= Int(place) { relations.append(Relation()) }
        let members = pools[Int(place)].members
        relations[Int(place)] = entries[Int(place)].map { Relation($0, members: members) } ?? Relation()
    }

    private mutating func place(of key: Key, parent: Int16?) -> Int16? {
        uses += 1
        if let known = places[key] {
            pools[Int(known)].used = uses
            return known
        }
        return add(TenantPool(), key, parent: parent)
    }

    private mutating func add(_ pool: TenantPool, _ key: Key, parent: Int16?) -> Int16? {
        let isFull =
            parent == nil ? places.count - userCount >= Self.tenantLimit : userCount >= Self.userLimit
        if isFull {
            guard let oldest = longestUnused(ofUsers: parent != nil) else { return nil }
            remove(oldest)
        }
        let entry = Entry(key: key, parent: parent)
        let place: Int16
        if let last = free.popLast() {
            place = last
            entries[Int(place)] = entry
            pools[Int(place)] = pool
        } else {
            place = Int16(entries.count)
            entries.append(entry)
            pools.append(pool)
        }
        pools[Int(place)].used = uses
        places[key] = place
        noteRelation(place)
        if let parent {
            entries[Int(parent)]?.users += 1
            noteRelation(parent)
            userCount += 1
        } else {
            tenants[Int(key.application)] += 1
        }
        return place
    }

    /// Of the pools of one kind without members, the one that was longest not asked for.
    private func longestUnused(ofUsers: Bool) -> Int16? {
        var oldest: (place: Int16, used: UInt64)?
        for (place, entry) in entries.enumerated() {
            guard let entry, (entry.parent != nil) == ofUsers, pools[place].members == 0 else { continue }
            if pools[place].used < oldest?.used ?? .max { oldest = (Int16(place), pools[place].used) }
        }
        return oldest?.place
    }

    /// Removes a pool without members; with a tenant's, those of its users.
    private mutating func remove(_ place: Int16) {
        guard let entry = entries[Int(place)] else { return }
        if entry.users > 0 {
            for (other, one) in entries.enumerated() where one?.parent == place { remove(Int16(other)) }
        }
        places[entry.key] = nil
        entries[Int(place)] = nil
        pools[Int(place)] = TenantPool()
        noteRelation(place)
        free.append(place)
        if let parent = entry.parent {
            entries[Int(parent)]?.users -= 1
            noteRelation(parent)
            userCount -= 1
        } else {
            tenants[Int(entry.key.application)] -= 1
        }
    }

    // MARK: What is counted

    /// The pools of the instances of a place that tell more than the circle around each: while a type has no other
    /// tenant, its figures are the tenant's, and while a tenant has no other user, its are the user's.
    func circles(of place: Int16?) -> Circles {
        guard let place else { return Circles() }
        let own = relations[Int(place)]
        let hasTenants = tenants[Int(own.application)] > 1
        guard let parent = own.parent else { return Circles(tenant: hasTenants ? place : nil) }
        let around = relations[Int(parent)]
        let hasUsers = around.users > 1 || around.members > own.members
        return Circles(tenant: hasTenants ? parent : nil, user: hasUsers ? place : nil)
    }

    /// Counts a burst that ended, by its greatest demand of each resource.
    mutating func count(burst peaks: InlineArray<2, Double>, in circles: Circles) {
        if let tenant = circles.tenant { pools[Int(tenant)].count(peaks) }
        if let user = circles.user { pools[Int(user)].count(peaks) }
    }

    /// Counts a second with demand.
    mutating func count(demand load: InlineArray<2, Float>, in circles: Circles) {
        if let tenant = circles.tenant { pools[Int(tenant)].count(load) }
        if let user = circles.user { pools[Int(user)].count(load) }
    }

    /// Counts a second whose horizon of `seconds` is over, after which the type's figures expected demand with
    /// probability `expected`; each circle is to tell what the one around it does not.
    ///
    /// - Returns: by how much demand came more often than for the type, before this was counted.
    mutating func count(
        _ kind: OnsetContext.Kind, _ horizon: ForecastHorizon, seconds: Int, expected: Double, hit: Bool,
        in circles: Circles
    ) -> Double {
        var ratio = 1.0
        if let tenant = circles.tenant {
            ratio = pools[Int(tenant)].onsetRatio(kind, horizon, seconds: seconds)
            pools[Int(tenant)].count(kind, horizon, seconds: seconds, expected: expected, hit: hit)
        }
        guard let user = circles.user else { return ratio }
        let own = pools[Int(user)].onsetRatio(kind, horizon, seconds: seconds)
        let ofTenant = min(expected * ratio, 0.99)
        pools[Int(user)].count(kind, horizon, seconds: seconds, expected: ofTenant, hit: hit)
        return ratio * own
    }

    // MARK: What that tells

    /// By how much demand comes more often than for the type, leaning to 1.
    func onsetRatio(
        _ kind: OnsetContext.Kind, _ horizon: ForecastHorizon, seconds: Int, in circles: Circles
    ) -> Double {
        var ratio = 1.0
        if let tenant = circles.tenant {
            ratio = pools[Int(tenant)].onsetRatio(kind, horizon, seconds: seconds)
        }
        if let user = circles.user {
            ratio *= pools[Int(user)].onsetRatio(kind, horizon, seconds: seconds)
        }
        return ratio
    }

    /// The usual demand of a busy second, leaning to the type's.
    func usualDemand(_ resource: Resource, type: Float, in circles: Circles) -> Float {
        var usual = type
        if let tenant = circles.tenant {
            usual = pools[Int(tenant)].usualDemand(resource, wider: usual)
        }
        if let user = circles.user { usual = pools[Int(user)].usualDemand(resource, wider: usual) }
        return usual
    }

    /// The greatest demand of each burst.
    func bursts(_ resource: Resource, in circles: Circles) -> AmountModel.PooledBursts {
        AmountModel.PooledBursts(
            tenant: circles.tenant.map { pools[Int($0)].bursts[resource.rawValue] },
            user: circles.user.map { pools[Int($0)].bursts[resource.rawValue] })
    }

    /// Rescales what all tenants and users of a type wanted. O(pools).
    mutating func rescale(_ resource: Resource, application: Int, bins: Int) {
        for place in entries.indices where entries[place]?.key.application == Int32(application) {
            pools[place].rescale(resource, bins: bins)
        }
    }

    /// Forgets how often demand came where it was expected. O(pools).
    mutating func forgetOnsets() { for place in pools.indices { pools[place].forgetOnsets() } }
}

// MARK: - Snapshots

extension TenantPools {
    /// Tenants first, each kind in the order in which it was asked for.
    func encode(to writer: inout SnapshotWriter) {
        let all = zip(entries, pools).compactMap { entry, pool in entry.map { (entry: $0, pool: pool) } }
            .sorted { $0.pool.used < $1.pool.used }
        let ordered = all.filter { $0.entry.parent == nil } + all.filter { $0.entry.parent != nil }
        writer.put(UInt32(ordered.count))
        for (entry, pool) in ordered {
            writer.put(UInt32(entry.key.application))
            writer.put(entry.key.tenant.rawValue)
            writer.put(entry.key.user?.rawValue ?? "")
            pool.encode(to: &writer)
        }
    }

    /// The pools as they were, without members.
    init(from reader: inout SnapshotReader, applications: Int) throws(SnapshotFailure) {
        for _ in 0..<(try reader.count(in: 0...(Self.tenantLimit + Self.userLimit))) {
            let application = Int32(try reader.count(in: 0...applications))
            guard let tenant = TenantID(rawValue: try reader.text()) else { throw .malformed }
            let user = try reader.user()
            let key = Key(application: application, tenant: tenant, user: user)
            let parent = user == nil ? nil : places[Key(application: application, tenant: tenant, user: nil)]
            guard places[key] == nil, user == nil || parent != nil else { throw .malformed }
            uses += 1
            _ = add(try TenantPool(from: &reader), key, parent: parent)
        }
    }
}
