import DeviceDrivers
import FleetModel
import Glibc
import WorkerControl

/// The worker's main thread: commands of GPU servers, the session's door, and the end.
struct WorkerLoop: ~Copyable {
    private let launch: WorkerLaunch
    private let device: WorkerDevice
    private let account: SliceAccount
    private let wakeup: Wakeup
    private let endpoint: SessionEndpoint
    private var post: ControlPost
    private var door: SessionDoor?
    private var session: SessionThread?
    private let limits: WorkerLimits
    private var lastHeard: MonotonicTime

    init(
        _ launch: WorkerLaunch, limits: WorkerLimits, device: WorkerDevice, post: consuming ControlPost,
        door: SessionDoor
    ) throws(SystemError) {
        self.limits = limits
        self.launch = launch
        self.device = device
        account = SliceAccount(slice: launch.slice, epoch: launch.epoch)
        wakeup = try Wakeup()
        endpoint = SessionEndpoint(host: launch.advertisedHost, port: door.port)
        self.post = post
        self.door = door
        lastHeard = Self.now
    }

    /// Says that the worker is ready, and serves until the end.
    mutating func run() -> Worker.Ending {
        defer { session?.close() }
        post.announce(.identity(identity))
        while true {
            guard let ending = turn() else { continue }
            // What a short session has used would not be known otherwise.
            post.announce(.status(account.takeReport()))
            return ending
        }
    }

    private mutating func turn() -> Worker.Ending? {
        var entries = post.pollEntries + [wakeup.pollEntry] + (door?.pollEntries ?? [])
        let watched = session?.line.watched
        if let watched { entries.append(pollfd(watched, Self.peerClosed)) }
        wait(for: &entries, milliseconds: patience)

        if let ending = serveControl() { return ending }
        wakeup.clear()
        if let session {
            if session.end != nil { return .sessionClosed }
            // The client may have left while a command keeps the session's thread from noticing.
            if let watched, entries.last?.isReady ?? false { session.line.noteEnd(of: watched, now: Self.now) }
            door?.serve(now: Self.now, line: session.line)
            if let deadline = session.line.deadline, deadline <= Self.now { return .sessionClosed }
            account.noteConnected(session.line.deadline == nil)
            announceAttached()
        } else if let ending = serveDoor() {
            return ending
        }
        return hasLapsed ? .lapsed : nil
    }

    private mutating func serveControl() -> Worker.Ending? {
        var isTerminated = false
        let (account, session, identity, gate) = (account, session, identity, device.gate)
        let wasHeard = post.serve(share: { gate?.attach($0) }) { command in
            switch command {
            case .identify: return .identity(identity)
            case .reportStatus: return .status(account.takeReport())
            case .setLimit(let slice, let epoch):
                defer { session?.noteSliceChanged() }
                return account.setLimit(slice, epoch)
            case .terminate:
                isTerminated = true
                return nil
            case .ticket, .share: return nil
            }
        }
        if wasHeard { lastHeard = Self.now }
        return isTerminated ? .terminated : nil
    }

    private mutating func serveDoor() -> Worker.Ending? {
        guard let opened = door?.serve(now: Self.now, slice: account.slice) else { return nil }
        let grace = opened.isRemote ? limits.resumption : .zero
        if grace == .zero { door = nil }
        account.noteConnected(true)
        do {
            let wakeup = wakeup
            session = try SessionThread(opened, on: device, account: account, grace: grace) { wakeup.signal() }
        } catch {
            return .failed(error.description)
        }
        post.announce(.status(account.takeReport()))
        return nil
    }

    private var hasAnnouncedAttached = false

    private mutating func announceAttached() {
        guard account.attached, !hasAnnouncedAttached else { return }
        hasAnnouncedAttached = true
        post.announce(.status(account.takeReport()))
    }

    private var identity: WorkerIdentity {
        WorkerIdentity(
            grant: launch.grant, instance: launch.instance, device: launch.device, epoch: account.epoch,
            slice: account.slice, endpoint: endpoint, attached: account.attached)
    }

    /// Whether neither a GPU server nor a program wants the worker: an attached session lives on its own.
    private var hasLapsed: Bool { !account.attached && Self.now >= lastHeard + launch.timeToLive }

    /// Milliseconds until a deadline needs attention; at least 1, so that no rounding makes the loop spin.
    private var patience: Int32 {
        let deadlines = [
            account.attached ? nil : lastHeard + launch.timeToLive, door?.nextDeadline, session?.line.deadline,
        ]
        guard let next = deadlines.compactMap({ $0 }).min() else { return -1 }
        return Int32(clamping: max(1, (next - Self.now).nanoseconds / 1_000_000 + 1))
    }

    /// `POLLRDHUP` (poll(2)), which Swift's Glibc module does not show: the peer sends nothing more.
    private static let peerClosed: Int32 = 0x2000

    private static let origin = ContinuousClock.now
    private static var now: MonotonicTime { .zero + origin.duration(to: .now) }
}
