import DeviceDrivers
import Glibc
import WorkerControl

/// Lets one thread wake another that waits in `poll`. Signals that come before the other wakes are one.
final class Wakeup: Sendable {
    private let reading: Descriptor
    private let writing: Descriptor

    init() throws(SystemError) {
        (reading, writing) = try ControlSocket.pair()
        writing.stopBlocking()
    }

    var pollEntry: pollfd { pollfd(reading, POLLIN) }

    func signal() {
        let mark: [UInt8] = [1]
        // A full buffer means that a signal is waiting already.
        _ = mark.withUnsafeBytes { writing.send($0) }
    }

    func clear() {
        var scratch = [UInt8](repeating: 0, count: 64)
        while case .bytes = scratch.withUnsafeMutableBytes({ reading.read(into: $0) }) {}
    }
}
