import DeviceDrivers
import FleetModel
import Glibc
import WorkerControl

/// The worker's side of the control connections: the one that it was started with, and those of GPU servers that came
/// later. At most ``capacity`` at once; a new one takes the place of the oldest.
struct ControlPost: ~Copyable {
    static let capacity = 4

    private let listener: Descriptor
    private var channels: [Channel] = []

    /// A channel that can stand in an array.
    private final class Channel {
        var link: ControlChannel
        init(_ link: consuming ControlChannel) { self.link = link }
    }

    init(starter: consuming ControlChannel, path: String) throws(SystemError) {
        listener = try ControlSocket.listen(at: path)
        channels = [Channel(starter)]
    }

    var pollEntries: [pollfd] {
        [pollfd(listener, POLLIN)] + channels.map { pollfd($0.link.descriptor, POLLIN) }
    }

    var isConnected: Bool { !channels.isEmpty }

    /// Takes in what has arrived, and answers each command with what `handle` makes of it. A connection of the device's
    /// arbiter goes to `share`. Returns whether any came.
    mutating func serve(
        share: (Descriptor) -> Void, _ handle: (WorkerCommand) -> WorkerAnswer?
    ) -> Bool {
        while let connection = listener.acceptConnection() {
            if channels.count == Self.capacity { channels.removeFirst() }
            channels.append(Channel(ControlChannel(connection)))
        }
        var heard = false
        channels.removeAll { channel in
            guard let lines = channel.link.receive() else { return true }
            for line in lines {
                // A command of a later build is not understood and not answered.
                guard let command = WorkerCommand(line: line) else { continue }
                heard = true
                if command == .share {
                    share(channel.link.descriptor)
                    return true
                }
                if let answer = handle(command), !channel.link.send(answer.encoded) { return true }
            }
            return false
        }
        return heard
    }

    /// Tells every GPU server that is connected.
    mutating func announce(_ answer: WorkerAnswer) {
        channels.removeAll { !$0.link.send(answer.encoded) }
    }
}
