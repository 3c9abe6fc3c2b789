import Dispatch
import Foundation
import Synchronization

/// Remembers that the user wants to stop, by Ctrl-C, by SIGTERM or by a key.
///
/// While a value lives, these signals do nothing else: whoever made it looks at ``isRequested`` and ends what runs.
final class Interruption {
    private final class Flag: Sendable {
        let value = Mutex(false)
    }

    private let flag = Flag()
    private var sources: [any DispatchSourceSignal] = []

    init() {
        // Writing to a child that is gone is an error to be handled, not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [flag] in flag.value.withLock { $0 = true } }
            source.resume()
            sources.append(source)
        }
    }

    var isRequested: Bool { flag.value.withLock { $0 } }

    func request() { flag.value.withLock { $0 = true } }
}
