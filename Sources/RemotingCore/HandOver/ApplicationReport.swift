/// What an application says of itself; what it leaves out is not known.
package struct ApplicationReport: Hashable, Sendable {
    /// Requests or work items that it has accepted and not finished.
    package var workInFlight: UInt64?
    /// How long its user has done nothing. An agent takes it only where its configuration allows user activity.
    package var userIdleMilliseconds: UInt64?

    package init(workInFlight: UInt64? = nil, userIdleMilliseconds: UInt64? = nil) {
        self.workInFlight = workInFlight
        self.userIdleMilliseconds = userIdleMilliseconds
    }
}

extension ByteWriter {
    /// 1 and the number, or 0.
    mutating func write(optional value: UInt64?) {
        write(UInt8(value == nil ? 0 : 1))
        if let value { write(value) }
    }
}

extension ByteReader {
    mutating func readOptional() throws(RemotingError) -> UInt64? {
        switch try read(UInt8.self) {
        case 0: nil
        case 1: try read()
        case let other: throw RemotingError(.malformed, "\(other) where 0 or 1 says whether a number follows")
        }
    }
}
