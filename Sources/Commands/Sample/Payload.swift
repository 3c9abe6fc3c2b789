import Determinism
import FleetModel
import Foundation
import Observability

/// The protocol by which a burst gets its payload: a request line `PAYLOAD bytes seed bytesPerSecond`, then the bytes.
struct PayloadRequest: Hashable {
    var bytes: Int
    var seed: UInt64
    /// The pace at which the server sends, as an uplink would carry it.
    var bytesPerSecond: Int

    static let maximumBytes = 256 << 20

    init(bytes: Int, seed: UInt64, bytesPerSecond: Int) {
        self.bytes = bytes
        self.seed = seed
        self.bytesPerSecond = bytesPerSecond
    }

    /// The request in `line`, or nil when that is not one or asks for more than the bounds allow.
    init?(line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 4, words[0] == "PAYLOAD", let bytes = Int(words[1]), let seed = UInt64(words[2]),
            let rate = Int(words[3]), (1...Self.maximumBytes).contains(bytes), (1_000...10_000_000_000).contains(rate)
        else { return nil }
        self.init(bytes: bytes, seed: seed, bytesPerSecond: rate)
    }

    var line: String { "PAYLOAD \(bytes) \(seed) \(bytesPerSecond)\n" }
}

/// Text of made-up words, the same for equal seeds.
struct PayloadText {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// The next `count` bytes: letters in words of 1 to 8, and spaces.
    mutating func next(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for start in stride(from: 0, to: count, by: 8) {
                var bits = generator.next()
                let wordLength = Int(bits >> 61)
                for offset in 0..<min(8, count - start) {
                    buffer[start + offset] = offset == wordLength ? 0x20 : 0x61 + UInt8(bits & 0x0F)
                    bits >>= 4
                }
            }
            initialized = count
        }
    }
}

/// Sends payloads at the pace asked for: the other end of the uplink. One thread per connection.
struct PayloadServer {
    static let maximumConnections = 64
    private static let tick = Duration.milliseconds(10)

    let listener: LoopbackListener

    init() throws(CommandFailure) { listener = try LoopbackListener(backlog: Int32(Self.maximumConnections)) }

    /// Serves until the listener is closed. Blocks.
    func run() {
        let slots = DispatchSemaphore(value: Self.maximumConnections)
        while true {
            slots.wait()
            guard let connection = listener.accept() else { return }
            Thread.detachNewThread {
                Self.serve(connection)
                connection.close()
                slots.signal()
            }
        }
    }

    private static func serve(_ connection: StreamSocket) {
        guard let line = connection.readLine(limit: 128), let request = PayloadRequest(line: line) else { return }
        var text = PayloadText(seed: request.seed)
        let start = MonotonicClock.now()
        var sent = 0
        while sent < request.bytes {
            let elapsed = (MonotonicClock.now() + tick - start).inSeconds
            let due = min(request.bytes, Int(elapsed * Double(request.bytesPerSecond)))
            if due > sent {
                guard connection.write(text.next(due - sent)) else { return }
                sent = due
            }
            MonotonicClock.sleep(until: MonotonicClock.now() + tick)
        }
    }
}

extension StreamSocket {
    /// The next line without its line feed; nil when none comes within `limit` bytes.
    func readLine(limit: Int) -> String? {
        var line: [UInt8] = []
        while line.count < limit, let byte = read(upTo: 1)?.first {
            if byte == 0x0A { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }
}

/// Receives one payload whole.
enum PayloadClient {
    static func receive(_ request: PayloadRequest, port: UInt16) throws(CommandFailure) -> [UInt8] {
        let connection = try StreamSocket(loopbackPort: port)
        defer { connection.close() }
        guard connection.write(Array(request.line.utf8)) else {
            throw CommandFailure(.unavailable, "the payload server closed the connection")
        }
        var payload: [UInt8] = []
        payload.reserveCapacity(request.bytes)
        while payload.count < request.bytes, let part = connection.read(upTo: 65_536) { payload += part }
        guard payload.count == request.bytes else {
            throw CommandFailure(.unavailable, "the payload ended after \(payload.count) of \(request.bytes) bytes")
        }
        return payload
    }
}
