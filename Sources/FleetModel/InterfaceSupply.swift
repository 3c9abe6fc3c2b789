/// Where a host fetches interface versions from. Nothing that comes from there is believed: what counts is signed.
package struct InterfaceSources: Hashable, Sendable {
    /// The base URL of the manager's HTTP side, below which the trusted repository is; at most 1,024 bytes. Empty for
    /// none.
    package var manager: String
    /// Base URLs of GPU servers that serve what they have installed themselves, at most ``maximumPeers``: files are asked
    /// for there first, so that a large fleet does not load one place.
    package var peers: [String]
    /// Whether a GPU server that has the version is to verify and test it again: after work on the server.
    package var testsAnew: Bool

    package static let maximumPeers = 16

    package init(manager: String, peers: [String] = [], testsAnew: Bool = false) {
        self.testsAnew = testsAnew
        self.manager = manager
        self.peers = peers
    }
}

/// What a host can load: the machine that its interface bundles must be for.
package struct HostPlatform: Hashable, Sendable, CustomStringConvertible {
    /// Operating system, architecture and C library, for example `linux-x86_64-glibc`; empty where a host of an older
    /// release did not say.
    package var name: String
    /// The C library's version, for example `2.36`; empty where it is not known.
    package var libcVersion: String

    package init(name: String = "", libcVersion: String = "") {
        self.name = name
        self.libcVersion = libcVersion
    }

    package var description: String { libcVersion.isEmpty ? name : "\(name) \(libcVersion)" }
}

/// What a GPU server measured of a version on one of its devices, with kernels whose results it checked.
package struct InterfaceMeasurement: Hashable, Sendable {
    package var version: InterfaceVersion
    /// From the start of a worker to a session that takes commands.
    package var timeToOpen: Duration
    /// Small commands a second over one session, above 0.
    package var commandRate: Double

    package init(version: InterfaceVersion, timeToOpen: Duration, commandRate: Double) {
        self.version = version
        self.timeToOpen = timeToOpen
        self.commandRate = commandRate
    }
}
