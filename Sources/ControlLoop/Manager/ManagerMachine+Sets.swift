import AllocationCore
import FleetModel
import SessionCore

/// Instances with several virtual GPUs. Each of them is an instance of its own to the manager, a member of a set
/// (``InstanceDescription/set``): it has its own forecast, and its slice is on another device than the others'.
///
/// A program that asks for several gets all or none. So what is set aside for its requests stays so only while all of them
/// are served; otherwise two programs could each hold what the other lacks. One program at a time, the first in the
/// queue, *collects*: it keeps what it has got until the rest is there, so that programs that ask for less cannot come
/// before it for ever.
extension ManagerMachine {
    /// A set, by its agent, and the name of its first member.
    struct SetKey: Hashable {
        var agent: AgentID
        var first: InstanceID
    }

    /// A program that asks.
    struct AskingProgram: Hashable {
        var agent: AgentID
        var request: RequestID

        init(agent: AgentID, request: RequestID) { (self.agent, self.request) = (agent, request) }

        init(_ waiting: WaitingRequest) { self.init(agent: waiting.agent, request: waiting.request) }
    }

    // MARK: Members

    private func setKey(at place: Int) -> SetKey? {
        instances.read(place) { record in
            record.pointee.description.set.map { SetKey(agent: record.pointee.agent, first: $0) }
        } ?? nil
    }

    /// Makes an instance a member of the set that it names. Members beyond ``InstanceDescription/maximumGPUs``, of which
    /// only an agent that is out of order tells, are as if alone.
    mutating func enterSet(at place: Int) {
        guard let key = setKey(at: place), sets[key, default: []].count < InstanceDescription.maximumGPUs else {
            return
        }
        sets[key, default: []].append(place)
    }

    mutating func leaveSet(at place: Int) {
        guard let key = setKey(at: place) else { return }
        sets[key]?.removeAll { $0 == place }
        if sets[key]?.isEmpty == true { sets[key] = nil }
    }

    /// The places of all members of an instance's set; empty where it is alone.
    func placesOfSet(at place: Int) -> [Int] { instances.read(place) { placesOfSet(of: $0) } ?? [] }

    private func placesOfSet(of instance: UnsafePointer<InstanceRecord>) -> [Int] {
        instance.pointee.description.set.flatMap { sets[SetKey(agent: instance.pointee.agent, first: $0)] } ?? []
    }

    /// The other members of an instance's set, and where they have something, what is on its way back included; nil where it
    /// is alone.
    func siblings(of instance: UnsafePointer<InstanceRecord>) -> Siblings? {
        let places = placesOfSet(of: instance)
        guard let first = places.first, !configuration.bugs.contains(.ignoreSiblings) else { return nil }
        var devices: [DeviceID] = []
        for place in places where place != instanceIndex[instance.pointee.description.id] {
            let held = instances.read(place) { $0.pointee.grants } ?? []
            devices += held.compactMap { grants.read($0) { $0.pointee.stored.device } }
        }
        return Siblings(set: first, devices: devices)
    }

    func siblings(of instance: InstanceRecord) -> Siblings? {
        withUnsafePointer(to: instance) { siblings(of: $0) }
    }

    /// The memory of the least of as many devices as an instance's set has members, of the largest that there are: all members
    /// can have so much at once. Nil where it is alone.
    func largestForSet(of instance: UnsafePointer<InstanceRecord>) -> Bytes? {
        let count = min(placesOfSet(of: instance).count, largestDevices.count)
        return count > 0 ? largestDevices[count - 1] : nil
    }

    // MARK: Requests of several

    /// The places in ``requests`` of what each program asks for that asks for several. O(requests)
    var programsThatAskForSeveral: [AskingProgram: [Int]] {
        var programs: [AskingProgram: [Int]] = [:]
        for index in requests.indices where requests[index].together > 1 {
            programs[AskingProgram(requests[index]), default: []].append(index)
        }
        return programs
    }

    /// The program that collects: of those that ask for several, and of which every request has come, the first in the
    /// queue. One that asks for more than there are devices never does.
    func collector(_ now: MonotonicTime, among programs: [AskingProgram: [Int]]) -> AskingProgram? {
        guard !programs.isEmpty else { return nil }
        var looked: Set<AskingProgram> = []
        for index in queue(now) where requests[index].together > 1 && requests[index].together <= pool.availableCount {
            let program = AskingProgram(requests[index])
            guard looked.insert(program).inserted, let parts = programs[program] else { continue }
            if isComplete(program, parts) { return program }
        }
        return nil
    }

    /// Whether every request of a program has come: it waits, or something is set aside for it. O(grants of its agent)
    private func isComplete(_ program: AskingProgram, _ parts: [Int]) -> Bool {
        parts.first.map { parts.count + claims(of: program).count == requests[$0].together } ?? false
    }

    /// Whether others of a program's requests have yet to come.
    func isIncomplete(_ program: AskingProgram, together: Int) -> Bool {
        together > 1 && !isComplete(program, parts(of: program))
    }

    /// The places in ``requests`` of what is not yet set aside for a program.
    func parts(of program: AskingProgram) -> [Int] {
        requests.indices.filter { AskingProgram(requests[$0]) == program }
    }

    /// What is set aside for a program.
    private func claims(of program: AskingProgram) -> [GrantID] {
        grants.grants(of: program.agent).filter { id in
            grants.read(id) { $0.pointee.request == program.request && !$0.pointee.lifecycle.isReleasing } ?? false
        }
    }

    /// Serves all that a program asks for, or none of it.
    /// - Parameters:
    ///   - parts: the places in ``requests`` of what waits of it.
    ///   - collects: whether it keeps what it gets until the rest is there.
    mutating func serveTogether(
        _ program: AskingProgram, _ parts: [Int], collects: Bool, _ served: inout Set<Int>, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard isComplete(program, parts) else { return [] }
        // Who collects waits with what it has for what cannot be tried yet.
        guard !collects else { return parts.flatMap { serve($0, &served, now: now) } }
        let isPaused = parts.contains { part in
            record(of: requests[part].instance).map { self.isPaused($0, now) } ?? true
        }
        let shortage = isPaused ? nil : shortage(of: parts, now)
        guard isPaused || shortage != nil else { return parts.flatMap { serve($0, &served, now: now) } }
        giveUpClaims(of: program)
        guard let shortage else { return [] }
        for part in parts {
            requests[part].isRecorded = true
            requests[part].needed = shortage.contention.slice.memory
        }
        return contend(requests[shortage.part].instance, shortage.contention, now: now)
    }

    /// Gives back what is prepared for another member of a set, and for no program, where that alone keeps a program's slice
    /// from the device.
    mutating func makeWay(for waiting: WaitingRequest, now: MonotonicTime) -> [ManagerEffect] {
        guard let instance = record(of: waiting.instance), let place = instanceIndex[waiting.instance] else {
            return []
        }
        let subject = askingSubject(instance)
        guard subject.siblings?.devices.isEmpty == false else { return [] }
        for id in placesOfSet(at: place).filter({ $0 != place }).flatMap({ unclaimed(at: $0, besides: waiting) }) {
            guard let device = grants.read(id, { $0.pointee.stored.device }) else { continue }
            var freed = subject
            freed.siblings?.devices.removeAll { $0 == device }
            guard !planner.serve(freed, others: [], pool: pool, now: now).isShort else { continue }
            return release(id, .preempted, now: now)
        }
        return []
    }

    /// What an instance has that is for no program, and could be given back; not what is set aside for an instance of which
    /// the same program asks.
    private func unclaimed(at place: Int, besides waiting: WaitingRequest) -> [GrantID] {
        guard let instance = instances[place] else { return [] }
        let isPart = requests.contains {
            $0.instance == instance.description.id && AskingProgram($0) == AskingProgram(waiting)
        }
        return instance.grants.filter { id in
            guard let grant = grants[id], grant.request == nil, isPrepared(id) else { return false }
            return !isPart || grant.charge == .warm
        }
    }

    /// A part of what a program asks for that is not to be had once those before it are placed.
    struct Shortage {
        /// Its place in ``requests``.
        var part: Int
        var contention: Contention
        var subject: AllocationSubject
        /// As those before it leave it.
        var pool: Pool
        /// What is taken back for those before it.
        var taken: Set<GrantID>
    }

    /// What is not to be had of what a program asks for, were all of it placed now, one after the other; nil where all is, if
    /// only after unused reservations have been taken back.
    func shortage(of parts: [Int], _ now: MonotonicTime) -> Shortage? {
        var pool = pool
        var placed: [DeviceID] = []
        var taken: Set<GrantID> = []
        let own = Set(parts.map { requests[$0].instance })
        for part in parts {
            guard let instance = record(of: requests[part].instance), reservation(for: instance) == nil else {
                continue
            }
            var subject = askingSubject(instance)
            subject.siblings?.devices += placed
            let plan = plan(for: subject, on: pool, now: now) {
                holders(besides: own).filter { other in !taken.contains { $0 == other.holding?.grant } }
            }
            func short(_ contention: Contention) -> Shortage {
                Shortage(part: part, contention: contention, subject: subject, pool: pool, taken: taken)
            }
            for action in plan.actions {
                switch action {
                case .contend(_, let contention):
                    guard case .waitingForPreemption(let awaited) = contention.reason else { return short(contention) }
                    if let device = grants.read(awaited, { $0.pointee.stored.device }) { placed.append(device) }
                case .lower(_, let grant, _), .release(_, let grant, _): taken.insert(grant)
                case .openWarm(let instance, let device), .reserve(let instance, let device, _, _):
                    guard (try? sharedVersion(instance, on: device)) != nil else {
                        return short(Contention(reason: .notStaged, wanted: .reserved, slice: subject.amount))
                    }
                    placed.append(device)
                }
            }
            pool = plan.pool
        }
        return nil
    }

    /// What is set aside for a program may go to others again, and all that it asked for waits.
    private mutating func giveUpClaims(of program: AskingProgram) {
        guard let waiting = requests.first(where: { AskingProgram($0) == program }) else { return }
        for id in claims(of: program) {
            guard let grant = grants[id] else { continue }
            grants[id]?.request = nil
            var part = waiting
            part.instance = grant.stored.instance.id
            requests.append(part)
        }
    }

    // MARK: For people

    /// The program that asks for several virtual GPUs, and for which an instance's is set aside.
    func programWithClaim(on instance: InstanceRecord) -> (program: AskingProgram, together: Int)? {
        for grant in instance.grants.lazy.compactMap({ grants[$0] }) where grant.together > 1 {
            if let request = grant.request {
                return (AskingProgram(agent: instance.agent, request: request), grant.together)
            }
        }
        return nil
    }

    /// What it has to do with an instance that a program asks for several.
    func notesOfSet(on instance: InstanceRecord, _ waiting: WaitingRequest?) -> [String] {
        let together: Int? =
            if let waiting, waiting.together > 1 { waiting.together } else { programWithClaim(on: instance)?.together }
        guard let together else { return [] }
        let all = "its program asks for \(together) virtual GPUs on as many devices, and gets all or none"
        return together > pool.availableCount
            ? [all, "of \(together) devices there is \(pool.availableCount)"] : [all]
    }
}
