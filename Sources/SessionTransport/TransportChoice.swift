import Glibc

/// How the ends of a session may be connected: `PRESYNC_TRANSPORT` of an agent, and of a program.
package enum TransportChoice: String, Hashable, Sendable, CaseIterable {
    /// Shared memory where both are on one host and can, and TCP otherwise.
    case automatic = "auto"
    case tcp
    /// Shared memory or nothing.
    case sharedMemory = "shared-memory"

    package static let environmentKey = "PRESYNC_TRANSPORT"

    /// What the environment asks for; nil where that is none of these.
    package static var ofEnvironment: TransportChoice? {
        guard let text = getenv(environmentKey) else { return .automatic }
        return TransportChoice(rawValue: String(cString: text))
    }
}
