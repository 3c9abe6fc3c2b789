/// What versions of the interface can do beyond what every one can, by the names that manifests have for it.
package enum InterfaceCapability {
    /// What kernels print reaches the program's standard output.
    package static let kernelOutput = "kernel-output"
    /// A session of one host goes through memory that both ends share.
    package static let sharedMemory = "shared-memory"
}

/// What the client libraries and workers that this tree builds can do. There are two of each: who links them says which.
package enum InterfaceEdition: UInt8, Hashable, Sendable, CaseIterable {
    /// Sessions over sockets, and nothing that revision 1 of the wire does not have: for hosts that are to share no
    /// memory, and for whatever of revision 1 is about.
    case basic = 1
    /// All that there is.
    case current = 2

    /// The semantic version of both ends.
    package var version: String {
        switch self {
        case .basic: "0.0.9"
        case .current: OpenCLInterface.version
        }
    }

    /// Revisions of the session protocol that both ends speak.
    package var revisions: ClosedRange<UInt16> {
        switch self {
        case .basic: SessionRevision.first...SessionRevision.first
        case .current: SessionLimits.revisions
        }
    }

    /// What it can do beyond what every version can, by the names that manifests have for it.
    package var capabilities: [String] {
        switch self {
        case .basic: []
        case .current: [InterfaceCapability.kernelOutput, InterfaceCapability.sharedMemory]
        }
    }

    package var sharesMemory: Bool { self != .basic }

    /// `basic`, `current`.
    package var name: String { "\(self)" }

    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}
