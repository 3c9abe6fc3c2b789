package import FleetModel
import CLinux
import DeviceDrivers
import Glibc
package import SessionCore
import Synchronization

/// The GPU server's side of its devices' shares: a ``DeviceArbiter`` for each device, and a thread that lets them see
/// the pages of the workers and carries out what they decide.
///
/// A worker hands its page over on its share connection, and says with a byte there that the page is worth a look; it is
/// answered through the page.
/// While one tenant alone uses a device, nothing is said and the thread sleeps.
package final class ShareSupervisor: Sendable {
    fileprivate enum Order {
        case add(ShareMember)
        case setWeight(GrantID, MilliShare)
        case remove(GrantID)
        case close
    }

    private let orders = Mutex<[Order]>([])
    private let signalling: Descriptor

    /// - Parameter onFault: called on the supervisor's thread with the grant whose worker has to be killed, and why.
    package init(
        _ settings: ArbiterSettings = ArbiterSettings(), onFault: @escaping @Sendable (GrantID, ShareFault) -> Void
    ) throws(SystemError) {
        let (receiving, signalling) = try ControlSocket.pair()
        self.signalling = receiving
        signalling.stopBlocking()
        let loop = ShareLoop(settings, orders: signalling, onFault: onFault)
        try DetachedThread.start { [weak self] in
            loop.run { self?.takeOrders() ?? [.close] }
        }
    }

    deinit { close() }

    /// Takes a worker in, once it has handed over its page. One that hands none over is not arbitrated; throws where it
    /// cannot be asked.
    package func add(
        _ grant: GrantID, on device: DeviceID, weight: MilliShare, controlPath: String
    ) throws(SystemError) {
        let connection = try ControlSocket.connect(to: controlPath)
        let line = WorkerCommand.share.encoded
        guard line.withUnsafeBytes({ connection.send($0) }) == line.count else { throw SystemError("send") }
        order(
            .add(
                ShareMember(grant: grant, device: device, weight: weight, connection: connection)))
    }

    package func setWeight(_ grant: GrantID, _ weight: MilliShare) { order(.setWeight(grant, weight)) }
    package func remove(_ grant: GrantID) { order(.remove(grant)) }
    /// Lets go of all workers, which use their devices as they like until another supervisor takes them in.
    package func close() { order(.close) }

    private func order(_ order: Order) {
        orders.withLock { $0.append(order) }
        let mark: [UInt8] = [1]
        // No room means that the thread has a signal to wake to.
        _ = mark.withUnsafeBytes { signalling.send($0) }
    }

    private func takeOrders() -> [Order] {
        orders.withLock { orders in
            defer { orders = [] }
            return orders
        }
    }
}

/// What a worker did that its device's other tenants must not suffer from.
package enum ShareFault: Hashable, Sendable {
    /// A command ran for longer than any may while others want the device.
    case overrun
    /// It handed over something else than its page.
    case noPage(SystemError)
}

/// A worker as its device's arbiter reaches it.
private struct ShareMember {
    var grant: GrantID
    var device: DeviceID
    var weight: MilliShare
    var connection: Descriptor
    /// Nil until it has come; the worker is not arbitrated before.
    var page: SharePage?
}

/// The thread of a ``ShareSupervisor``. Sendable because only that thread uses it once it runs.
private final class ShareLoop: @unchecked Sendable {
    private let settings: ArbiterSettings
    private let ordersWaiting: Descriptor
    private let onFault: @Sendable (GrantID, ShareFault) -> Void
    private var members: [GrantID: ShareMember] = [:]
    private var arbiters: [DeviceID: DeviceArbiter] = [:]

    init(
        _ settings: ArbiterSettings, orders: Descriptor, onFault: @escaping @Sendable (GrantID, ShareFault) -> Void
    ) {
        self.settings = settings
        ordersWaiting = orders
        self.onFault = onFault
    }

    func run(takeOrders: () -> [ShareSupervisor.Order]) {
        while true {
            let woken = awaitWork()
            var touched = Set(woken.compactMap { members[$0]?.device })
            for order in takeOrders() {
                if case .close = order { return }
                if let device = carryOut(order) { touched.insert(device) }
            }
            let now = Self.now
            for (device, arbiter) in arbiters where arbiter.nextDeadline.map({ $0 <= now }) ?? false {
                touched.insert(device)
            }
            for grant in woken { observe(grant) }
            for device in touched.sorted() { decide(device) }
        }
    }

    /// The workers that want to be looked at.
    private func awaitWork() -> [GrantID] {
        let known = members.values.sorted { $0.grant < $1.grant }
        var entries = known.map { pollfd($0.connection, POLLIN) } + [pollfd(ordersWaiting, POLLIN)]
        let next = arbiters.values.compactMap(\.nextDeadline).min()
        let patience = next.map { max(0, ($0 - Self.now).nanoseconds) } ?? -1
        let ready = presync_poll(&entries, UInt(entries.count), patience)
        guard ready > 0 else { return [] }
        if entries[known.count].isReady { _ = drain(ordersWaiting) }
        var woken: [GrantID] = []
        for (member, entry) in zip(known, entries) where entry.isReady {
            if member.page == nil, !join(member) { continue }
            if drain(member.connection) { woken.append(member.grant) } else { leave(member.grant) }
        }
        return woken
    }

    /// Takes in the page of a new member; false where there is nothing more to do for it now.
    private func join(_ member: ShareMember) -> Bool {
        switch SharePage.receive(from: member.connection) {
        case .nothingYet: return false
        case .ended:
            leave(member.grant)
            return false
        case .refused(let error):
            leave(member.grant)
            onFault(member.grant, .noPage(error))
            return false
        case .page(let page):
            members[member.grant]?.page = page
            arbiters[member.device, default: DeviceArbiter(settings)].join(
                member.grant, weight: Int64(member.weight.rawValue))
            // Whatever it did before, from now on it asks.
            page.set(.none, aheadLimit: .zero)
            return true
        }
    }

    /// Takes what has come; false when the other end is gone.
    private func drain(_ connection: Descriptor) -> Bool {
        var scratch = [UInt8](repeating: 0, count: 64)
        while true {
            switch scratch.withUnsafeMutableBytes({ connection.read(into: $0) }) {
            case .bytes: continue
            case .nothingYet: return true
            case .ended: return false
            }
        }
    }

    /// The device that the order changes something for.
    private func carryOut(_ order: ShareSupervisor.Order) -> DeviceID? {
        switch order {
        case .add(let member):
            members[member.grant] = member
            return nil
        case .setWeight(let grant, let weight):
            members[grant]?.weight = weight
            guard let device = members[grant]?.device, members[grant]?.page != nil else { return nil }
            arbiters[device]?.join(grant, weight: Int64(weight.rawValue))
            return device
        case .remove(let grant): return leave(grant)
        case .close: return nil
        }
    }

    @discardableResult private func leave(_ grant: GrantID) -> DeviceID? {
        guard let member = members.removeValue(forKey: grant) else { return nil }
        arbiters[member.device]?.leave(grant)
        decide(member.device)
        return member.device
    }

    private func observe(_ grant: GrantID) {
        guard let member = members[grant], let page = member.page else { return }
        arbiters[member.device]?.observe(grant, page.observation, at: Self.now)
    }

    private func decide(_ device: DeviceID) {
        if let holder = arbiters[device]?.holder { observe(holder) }
        while let effects = arbiters[device]?.decide(at: Self.now), !effects.isEmpty {
            for effect in effects { carryOut(effect) }
        }
    }

    private func carryOut(_ effect: ArbiterEffect) {
        switch effect {
        case .give(let grant, let isShared):
            members[grant]?.page?.set(
                isShared ? .shared : .alone, aheadLimit: isShared ? settings.quantum : settings.aheadAlone)
        case .take(let grant):
            members[grant]?.page?.set(.none, aheadLimit: .zero)
            observe(grant)
        case .end(let grant): onFault(grant, .overrun)
        }
    }

    private static let origin = ContinuousClock.now
    private static var now: MonotonicTime { .zero + origin.duration(to: .now) }
}
