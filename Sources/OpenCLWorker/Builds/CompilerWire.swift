import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
import WorkerControl

/// Messages between a worker and its compiler's process, over a socket that does not block: `u32` length, then so many
/// bytes. A request is a ``SourceBuild``; an answer is `i32` code and `blob(256 KiB)` log.
enum CompilerWire {
    static let greatestAnswer = 8 + OpenCLInterface.buildLog

    enum Reception {
        case message([UInt8])
        /// The other end is gone, or says what is no message.
        case ended
        case tookTooLong
    }

    static func answer(_ build: ProgramBuild) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: build.log.count + 8)
        writer.write(build.code)
        writer.write(blob: build.log.prefix(OpenCLInterface.buildLog))
        return writer.bytes
    }

    static func build(ofAnswer bytes: [UInt8]) -> ProgramBuild? {
        var reader = ByteReader(bytes)
        guard let code = try? reader.read(Int32.self),
            let log = try? reader.readBlob(maximum: OpenCLInterface.buildLog), reader.remaining == 0
        else { return nil }
        return ProgramBuild(code: code, log: log)
    }

    /// False when the other end is gone or has not taken it by `deadline`.
    static func send(_ message: [UInt8], over socket: Descriptor, until deadline: ContinuousClock.Instant) -> Bool {
        var bytes = withUnsafeBytes(of: UInt32(message.count).littleEndian) { Array($0) }[...]
        bytes += message
        while !bytes.isEmpty {
            guard let count = bytes.withUnsafeBytes({ socket.send($0) }) else { return false }
            bytes = bytes.dropFirst(count)
            guard bytes.isEmpty || count > 0 || isReady(socket, POLLOUT, until: deadline) else { return false }
        }
        return true
    }

    /// - Parameter deadline: nil to wait without end.
    static func receive(
        from socket: Descriptor, atMost greatest: Int, until deadline: ContinuousClock.Instant?
    ) -> Reception {
        var bytes: [UInt8] = []
        var wanted = 4
        var hasLength = false
        while true {
            if bytes.count == wanted {
                guard !hasLength else { return .message(Array(bytes.dropFirst(4))) }
                let length = bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
                guard length <= greatest else { return .ended }
                (wanted, hasLength) = (4 + length, true)
                continue
            }
            let start = bytes.count
            // Memory is taken as bytes come, not as they are announced.
            bytes += [UInt8](repeating: 0, count: min(wanted - start, 1 << 18))
            let outcome = bytes.withUnsafeMutableBytes {
                socket.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
            }
            switch outcome {
            case .bytes(let count): bytes.removeLast(bytes.count - start - count)
            case .ended: return .ended
            case .nothingYet:
                bytes.removeLast(bytes.count - start)
                guard isReady(socket, POLLIN, until: deadline) else { return .tookTooLong }
            }
        }
    }

    /// Whether the socket is ready by then.
    private static func isReady(
        _ socket: Descriptor, _ events: Int32, until deadline: ContinuousClock.Instant?
    ) -> Bool {
        while true {
            let left = deadline.map { ContinuousClock.now.duration(to: $0).nanoseconds }
            if let left, left <= 0 { return false }
            var entries = [pollfd(socket, events)]
            wait(for: &entries, milliseconds: left.map { Int32(clamping: $0 / 1_000_000 + 1) } ?? -1)
            if entries[0].isReady { return true }
        }
    }
}
