/// Revisions of handshake, framing and hand-over, and which of them two ends speak.
///
/// A revision is added whenever an end may say something that an end of the revision before would take for a fault. What
/// each of them brought is recorded in `Tests/RemotingCoreTests/Recorded`, byte for byte.
package enum SessionRevision {
    /// Sessions over sockets, and answers to requests.
    package static let first: UInt16 = 1
    /// Memory that both ends share (a descriptor beside the worker's hello, and frame 7), messages that answer no request
    /// (what kernels print), and in hand-over reports, users and warnings.
    package static let sharedMemory: UInt16 = 2
    /// How far the worker has come with the client's requests (frame 8).
    package static let completedRequests: UInt16 = 3
    /// In hand-over the request for several virtual GPUs, and the replies that answer it.
    package static let severalGPUs: UInt16 = 4

    /// The highest that both speak; nil where there is none.
    package static func agreed(_ client: ClosedRange<UInt16>, _ worker: ClosedRange<UInt16>) -> UInt16? {
        client.overlaps(worker) ? min(client.upperBound, worker.upperBound) : nil
    }

    /// As manifests name them, cut to what this build speaks; nil where it speaks none of them.
    package static func spoken(of revisions: ClosedRange<UInt32>) -> ClosedRange<UInt16>? {
        let own = SessionLimits.revisions
        let known = UInt32(own.lowerBound)...UInt32(own.upperBound)
        guard revisions.overlaps(known) else { return nil }
        let common = revisions.clamped(to: known)
        return UInt16(common.lowerBound)...UInt16(common.upperBound)
    }
}
