import DeviceDrivers
import Glibc
import Synchronization
import WorkerControl

/// The thread that executes the session's commands. A command may block it for as long as the device takes; the
/// worker's main thread goes on meanwhile.
final class SessionThread: Sendable {
    private let ending = Mutex<SessionEnd?>(nil)
    private let wakeup: Wakeup
    let line: SessionLine

    /// Starts serving `opened`, whose client is waited for after a break as long as `grace`. `onChange` is called on the new
    /// thread when a program has the session and when the session is over.
    init(
        _ opened: SessionDoor.Opened, on device: WorkerDevice, account: SliceAccount, grace: Duration,
        onChange: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        wakeup = try Wakeup()
        line = SessionLine(opened.connection, grace: grace, wakeup: wakeup)
        try DetachedThread.start { [self] in
            let session = SessionConnection(opened, line: line, account: account, wakeup: wakeup)
            let reason = device.serve(session, account: account, onAttached: onChange)
            ending.withLock { $0 = reason }
            onChange()
        }
    }

    /// Why the session is over; nil while it is not.
    var end: SessionEnd? { ending.withLock { $0 } }

    /// Lets the thread see that the slice has changed.
    func noteSliceChanged() { wakeup.signal() }

    /// Ends the connection under the thread, which then comes to its end as soon as the device lets it.
    func close() { line.close() }
}
