/// One end of a control connection: whole lines in, whole lines out, without waiting. Used by one thread at a time.
package struct ControlChannel: ~Copyable {
    package let descriptor: Descriptor
    private var lines = ControlLineBuffer()

    package init(_ descriptor: Descriptor) {
        descriptor.stopBlocking()
        self.descriptor = descriptor
    }

    /// The lines that have arrived; nil when the other end has closed or sends what is no line.
    package mutating func receive() -> [[UInt8]]? {
        var received: [[UInt8]] = []
        // A turn takes at most 16 KiB, so that no peer keeps the loop that calls this from its other work.
        for _ in 0..<4 {
            var outcome = Descriptor.ReadOutcome.nothingYet
            let chunk = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
                outcome = descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
                if case .bytes(let read) = outcome { count = read }
            }
            switch outcome {
            case .bytes:
                guard let more = lines.append(chunk) else { return nil }
                received += more
            case .nothingYet: return received
            case .ended: return received.isEmpty ? nil : received
            }
        }
        return received
    }

    /// Sends a line; false when the peer is gone, or has not read for so long that there is no room for one line.
    package func send(_ line: [UInt8]) -> Bool {
        line.withUnsafeBytes { descriptor.send($0) } == line.count
    }
}
