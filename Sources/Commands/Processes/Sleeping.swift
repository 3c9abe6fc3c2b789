import FleetModel
import Foundation
import Observability

extension MonotonicClock {
    /// Blocks the calling thread until `deadline`. Only for programs that have nothing else to do, such as the sample:
    /// a task of a daemon never waits like this.
    static func sleep(until deadline: MonotonicTime) {
        while true {
            let left = (deadline - now()).inSeconds
            guard left > 0 else { return }
            Thread.sleep(forTimeInterval: left)
        }
    }
}
