import DeviceDrivers
import FleetModel
import Synchronization
import WorkerControl

/// What the session may use of its device, and what it has used. The thread that executes commands writes it, the
/// thread that talks with the GPU server reads it and moves the limit; `state` is the lock.
final class SliceAccount: Sendable {
    private struct State {
        var slice: Slice
        var epoch: Epoch
        var used: Int64 = 0
        var peak: Int64 = 0
        var busy: Duration = .zero
        var traffic = false
        var usage = SessionUsage()
        var connected = false
        var attached = false
    }

    private let state: Mutex<State>

    init(slice: Slice, epoch: Epoch) {
        state = Mutex(State(slice: slice, epoch: epoch))
    }

    var slice: Slice { state.withLock { $0.slice } }
    var epoch: Epoch { state.withLock { $0.epoch } }
    var attached: Bool { state.withLock { $0.attached } }

    /// Takes `bytes` of the slice's memory; false, and nothing is taken, where that would pass the limit.
    func takeMemory(_ bytes: Int64) -> Bool {
        state.withLock { state in
            guard bytes >= 0, state.used <= state.slice.memory.rawValue,
                bytes <= state.slice.memory.rawValue - state.used
            else { return false }
            state.used += bytes
            state.peak = max(state.peak, state.used)
            return true
        }
    }

    /// Gives back what was taken with ``takeMemory(_:)``.
    func giveBackMemory(_ bytes: Int64) {
        state.withLock { $0.used -= bytes }
    }

    func addBusy(_ duration: Duration) {
        state.withLock { $0.busy += duration }
    }

    /// Bytes have come over the connection, and gone since the last call.
    func noteTraffic(received: Int, sent: Int) {
        state.withLock { state in
            state.traffic = true
            state.usage.received += Bytes(Int64(received))
            state.usage.sent += Bytes(Int64(sent))
        }
    }

    /// The device was given so many commands; so many have not ended.
    func noteCommands(_ count: Int, queueDepth: Int) {
        guard count > 0 else { return }
        state.withLock { state in
            state.usage.commands += Int64(count)
            state.usage.queueDepth = max(state.usage.queueDepth, Int32(clamping: queueDepth))
        }
    }

    /// The session has used something of its interface that not every version can do.
    func noteUse(of capability: String) {
        state.withLock { _ = $0.usage.capabilities.insert(capability) }
    }

    /// Whether the session has a connection now.
    func noteConnected(_ isConnected: Bool) {
        state.withLock { $0.connected = isConnected }
    }

    /// A program has the session. Returns whether that is new.
    func noteAttached() -> Bool {
        state.withLock { state in
            defer { state.attached = true }
            return !state.attached
        }
    }

    /// Enforces another slice, unless a newer epoch has been obeyed. What is in use above a lowered limit stays until
    /// it is released; nothing more is given out.
    func setLimit(_ slice: Slice, _ epoch: Epoch) -> WorkerAnswer {
        state.withLock { state in
            guard epoch >= state.epoch else { return .limitRefused(seen: state.epoch) }
            state.slice = slice
            state.epoch = epoch
            return .limit(slice, epoch)
        }
    }

    /// What happened since the last call.
    func takeReport() -> WorkerReport {
        state.withLock { state in
            let report = WorkerReport(
                attached: state.attached, connected: state.connected, peakMemory: Bytes(state.peak), busy: state.busy,
                traffic: state.traffic, usage: state.usage)
            state.peak = state.used
            state.busy = .zero
            state.traffic = false
            state.usage = SessionUsage()
            return report
        }
    }
}
