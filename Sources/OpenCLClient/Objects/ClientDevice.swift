import Glibc
import RemotingCore

/// A virtual GPU as the program sees it: a device, for as long as the process is, and its session. Guarded by the
/// library's lock.
final class ClientDevice {
    /// Its place among the program's virtual GPUs, from 0 on.
    let index: Int
    let handle = Handle.make()
    /// The last that was opened, lost or not; nil before the first.
    var session: ClientSession?

    init(index: Int) { self.index = index }
}

/// How many virtual GPUs the program wants.
enum GPUCount {
    static let environmentKey = "PRESYNC_GPUS"

    /// What the environment says; 1 where that is nothing, or nothing that can be.
    static func ofEnvironment() -> Int {
        guard let text = getenv(environmentKey).map({ String(cString: $0) }) else { return 1 }
        let most = Int(HandOverDemand.maximumGPUs)
        guard let count = Int(text), (1...most).contains(count) else {
            debug("\(environmentKey) is no number from 1 to \(most): this program gets one virtual GPU")
            return 1
        }
        guard count == 1 || InterfaceEdition.linked.revisions.contains(SessionRevision.severalGPUs) else {
            debug("this library asks for one virtual GPU, whatever \(environmentKey) says")
            return 1
        }
        return count
    }
}
