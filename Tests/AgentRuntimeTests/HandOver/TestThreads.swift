import Synchronization

/// A value that one thread leaves for another.
final class Mailbox<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    func put(_ new: Value) { value.withLock { $0 = new } }
    func take() -> Value? { value.withLock { $0 } }
}

/// A value that is handed to one other thread and used by that one only.
struct Confined<Value>: @unchecked Sendable {
    // No lock: the giver does not touch the value until the other thread has been joined.
    let value: Value
    init(_ value: Value) { self.value = value }
}
