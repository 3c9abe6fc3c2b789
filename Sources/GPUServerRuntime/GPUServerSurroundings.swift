import ControlLoop
import DeviceDrivers
import FleetModel

/// What a GPU server's loop asks of the rest of the daemon. Answers come as events.
protocol GPUServerSurroundings: Sendable {
    /// Sends on the open stream to the manager; drops the message when there is none.
    func send(_ message: GPUServerMessage)
    /// Makes an epoch durable; throws when that did not succeed.
    func persist(_ epoch: Epoch, for device: DeviceID) throws
    func startWorker(_ command: GrantCommand, on device: DeviceSelector)
    func applyLimit(_ grant: GrantID, _ slice: Slice)
    func stopWorker(_ grant: GrantID)
    /// Asks every worker for its account.
    func requestStatuses()
    func installInterface(_ version: InterfaceVersion, from sources: InterfaceSources)
    /// The versions in which there are workers, once a period.
    func use(_ versions: Set<InterfaceVersion>)
    func record(_ event: FleetEvent)
}
