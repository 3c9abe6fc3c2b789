import Glibc

/// Why a manager ends other than by being asked to.
package enum ManagerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The configuration is not valid: every error in it.
    case invalidConfiguration([String])
    /// A manager of this later term has been at work.
    case superseded(String, term: UInt64)
    /// The state store cannot be opened.
    case store(String)
    /// An address cannot be listened on.
    case listening(String)

    /// The transports' errors hold the system's in words alone.
    static func listening(on address: String, _ error: any Error) -> Self {
        let text = "\(error)"
        let isTaken = text.contains(String(cString: strerror(EADDRINUSE)))
        return .listening(
            isTaken
                ? "\(address) is in use by another process: end it, or choose another address" : "\(address): \(text)")
    }

    package var description: String {
        switch self {
        case .invalidConfiguration(let errors): "the configuration is not valid:\n  " + errors.joined(separator: "\n  ")
        case .superseded(let why, _): "another manager has taken over: \(why)"
        case .store(let why): why
        case .listening(let why): "cannot listen: \(why)"
        }
    }
}
