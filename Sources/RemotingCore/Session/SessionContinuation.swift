/// The state of a client's stream between two processes: who takes it goes on as if it had done the handshake.
package struct SessionContinuation: Hashable, Sendable {
    package var nextSendSequence: UInt64
    package var nextReceiveSequence: UInt64
    /// Frames that the worker has acknowledged.
    package var acknowledged: UInt64
    package var sendWindow: UInt32
    package var sendCredit: UInt32
    package var receiveWindow: UInt32
    package var receiveCredit: UInt32
    package var slice: SessionSlice

    package init(
        nextSendSequence: UInt64, nextReceiveSequence: UInt64, acknowledged: UInt64, sendWindow: UInt32,
        sendCredit: UInt32, receiveWindow: UInt32, receiveCredit: UInt32, slice: SessionSlice
    ) {
        self.nextSendSequence = nextSendSequence
        self.nextReceiveSequence = nextReceiveSequence
        self.acknowledged = acknowledged
        self.sendWindow = sendWindow
        self.sendCredit = sendCredit
        self.receiveWindow = receiveWindow
        self.receiveCredit = receiveCredit
        self.slice = slice
    }
}

extension ByteWriter {
    mutating func write(_ continuation: SessionContinuation) {
        write(continuation.nextSendSequence)
        write(continuation.nextReceiveSequence)
        write(continuation.acknowledged)
        write(continuation.sendWindow)
        write(continuation.sendCredit)
        write(continuation.receiveWindow)
        write(continuation.receiveCredit)
        write(continuation.slice)
    }
}

extension ByteReader {
    mutating func readContinuation() throws(RemotingError) -> SessionContinuation {
        let continuation = SessionContinuation(
            nextSendSequence: try read(), nextReceiveSequence: try read(), acknowledged: try read(),
            sendWindow: try read(), sendCredit: try read(), receiveWindow: try read(), receiveCredit: try read(),
            slice: try readSlice())
        try checkWindow(continuation.sendWindow)
        try checkWindow(continuation.receiveWindow)
        guard continuation.sendCredit <= continuation.sendWindow,
            continuation.receiveCredit <= continuation.receiveWindow,
            continuation.acknowledged <= continuation.nextSendSequence
        else { throw RemotingError(.malformed, "a session that no stream can have left") }
        return continuation
    }
}
