import COpenCL
import RemotingCore

/// A request that the worker will answer. Guarded by the library's lock.
final class PendingCall {
    /// The queue to which deferred errors that come with the answer belong; nil for a wait.
    let queue: ClientQueue?
    /// Where a read's data goes; the caller keeps it valid until the read has ended.
    private let destination: UnsafeMutableRawBufferPointer?
    /// Instead of `destination`, where it has gaps.
    private let rectangle: HostRectangle?
    /// What the destination lies in, where that is this library's.
    private let memory: HostShadow?
    private var filled = 0
    private(set) var answer: OpenCLResponse?
    /// Set instead of an answer when the session is lost.
    private(set) var isLost = false

    init(
        queue: ClientQueue? = nil, destination: UnsafeMutableRawBufferPointer? = nil, rectangle: HostRectangle? = nil,
        keeping memory: HostShadow? = nil
    ) {
        self.queue = queue
        self.destination = destination
        self.rectangle = rectangle
        self.memory = memory
    }

    /// Bytes of a read.
    private var wanted: Int? { destination?.count ?? rectangle?.count }

    var hasEnded: Bool { answer != nil || isLost }

    /// 0, or the error with which a read or a wait ended.
    var code: cl_int {
        if case .completed(_, let completion) = answer { return completion.code }
        return hasEnded ? CL_DEVICE_NOT_AVAILABLE : CL_SUCCESS
    }

    /// Copies a piece of a read into place; false when it is not the piece that comes next.
    func take(_ data: ArraySlice<UInt8>, at offset: UInt64) -> Bool {
        guard let wanted, offset == UInt64(filled), data.count <= wanted - filled else { return false }
        data.withUnsafeBytes { source in
            if let destination {
                UnsafeMutableRawBufferPointer(rebasing: destination[filled...]).copyMemory(from: source)
            } else if let rectangle {
                var done = 0
                rectangle.forEachRun(filled..<filled + source.count) { run in
                    run.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<done + run.count]))
                    done += run.count
                }
            }
        }
        filled += data.count
        return true
    }

    /// Where the piece of a read that comes next goes in one piece, of `count` bytes; nil where it has no such place.
    func place(for count: Int, at offset: UInt64) -> UnsafeMutableRawBufferPointer? {
        guard let destination, offset == UInt64(filled), count <= destination.count - filled else { return nil }
        return UnsafeMutableRawBufferPointer(rebasing: destination[filled..<filled + count])
    }

    /// The piece has arrived where ``place(for:at:)`` said; false when that has said nothing of it.
    func notePlaced(_ count: Int, at offset: UInt64) -> Bool {
        guard place(for: count, at: offset) != nil else { return false }
        filled += count
        return true
    }

    /// Takes the answer; false when a read that succeeded has not all its data.
    func end(_ response: OpenCLResponse) -> Bool {
        answer = response
        if case .completed(_, let completion) = response {
            if let error = completion.deferred.first?.code { queue?.remember(error) }
            if completion.code == CL_SUCCESS, let wanted { return filled == wanted }
        }
        return true
    }

    func lose() { isLost = true }
}
