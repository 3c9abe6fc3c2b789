import FleetModel
import Foundation
import Observability

/// What one TCP connection over the loopback does by itself: the limit of what travels over it.
enum RawTransport {
    /// Round trips of a small request with a small answer, with 4 KiB in either direction, and 64 MiB one way; for the
    /// measures that they bound.
    static func measure(commands: Int = 1_000, transfers: Int = 10) throws(CommandFailure)
        -> [InterfaceMeasure: MeasuredTimes]
    {
        let listener = try LoopbackListener()
        let echo = Thread {
            guard let socket = listener.accept() else { return }
            answer(socket)
            socket.close()
        }
        echo.start()
        defer { listener.close() }
        let socket = try StreamSocket(loopbackPort: listener.port)
        defer { socket.close() }
        withoutDelay(socket)
        func times(_ sends: Int, _ receives: Int, _ count: Int, unit: Double) throws(CommandFailure) -> MeasuredTimes? {
            var samples: [Double] = []
            for round in 0..<count + max(1, count / 20) {
                let began = MonotonicClock.now()
                guard exchange(socket, sends: sends, receives: receives) else {
                    throw CommandFailure(.software, "the loopback connection broke")
                }
                let elapsed = Double((MonotonicClock.now() - began) / .nanoseconds(1)) * unit
                if round >= max(1, count / 20) { samples.append(elapsed) }
            }
            return MeasuredTimes(samples)
        }
        let small = try times(1, 1, commands, unit: 1e-3)
        var results: [InterfaceMeasure: MeasuredTimes] = [:]
        for measure in [InterfaceMeasure.emptyFinish, .read4B, .write4B] { results[measure] = small }
        results[.read4KiB] = try times(1, 4_096, commands, unit: 1e-3)
        results[.write4KiB] = try times(4_096, 1, commands, unit: 1e-3)
        results[.read64MiB] = try times(1, 64 << 20, transfers, unit: 1e-6)
        results[.write64MiB] = try times(64 << 20, 1, transfers, unit: 1e-6)
        return results
    }

    private static let headerLength = 16

    /// One request: how long it is and how long the answer shall be, then that many bytes; and the answer.
    private static func exchange(_ socket: StreamSocket, sends: Int, receives: Int) -> Bool {
        var request = [UInt8](repeating: 0, count: headerLength + (sends <= block.count ? sends : 0))
        request.withUnsafeMutableBytes {
            $0.storeBytes(of: UInt64(sends), as: UInt64.self)
            $0.storeBytes(of: UInt64(receives), toByteOffset: 8, as: UInt64.self)
        }
        let isWhole = sends <= block.count
        return socket.write(request) && (isWhole || send(sends, over: socket)) && skip(receives, of: socket)
    }

    /// What is sent of large amounts, over and over.
    private static let block = [UInt8](repeating: 1, count: 1 << 20)

    private static func send(_ count: Int, over socket: StreamSocket) -> Bool {
        var rest = count
        while rest > 0 {
            let part = rest >= block.count ? block : Array(block.prefix(rest))
            guard socket.write(part) else { return false }
            rest -= part.count
        }
        return true
    }

    private static func skip(_ count: Int, of socket: StreamSocket) -> Bool {
        var rest = count
        while rest > 0 {
            guard let bytes = socket.read(upTo: min(rest, 1 << 20)) else { return false }
            rest -= bytes.count
        }
        return true
    }

    private static func answer(_ socket: StreamSocket) {
        withoutDelay(socket)
        var header: [UInt8] = []
        while true {
            while header.count < headerLength {
                guard let bytes = socket.read(upTo: headerLength - header.count) else { return }
                header += bytes
            }
            let (sends, receives) = header.withUnsafeBytes {
                ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
            }
            header = []
            guard skip(Int(sends), of: socket), send(Int(receives), over: socket) else { return }
        }
    }

    private static func withoutDelay(_ socket: StreamSocket) {
        var on: Int32 = 1
        setsockopt(
            socket.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }
}
