package import FleetModel

/// What a bundle is: which interface, in which version, for which machines, and exactly which files.
///
/// Its canonical bytes (``encoded()``) are what is hashed: their SHA-256 is the bundle's digest, so that naming a
/// digest names every byte of every file. Lists are sorted and without duplicates, so that equal manifests have equal
/// bytes.
package struct BundleManifest: Hashable, Sendable {
    /// The interface's kind, `opencl` for the first one: 1 to 32 characters from `a-z 0-9 -`, a letter first. It is
    /// also a file name in the stores.
    package let kind: String
    package let version: SemanticVersion
    package let platform: BundlePlatform
    /// The revisions of the session protocol that both the client library and the worker speak.
    package let wireRevisions: ClosedRange<UInt32>
    /// Names of extensions that a device must have, ascending; at most ``maximumCapabilities``.
    package let requiredCapabilities: [String]
    /// Ascending by path; 2 to ``maximumFiles``, with one client library and one worker among them.
    package let files: [BundleFile]
    /// Digests of older bundles whose client libraries this worker was tested with and serves, ascending; at most
    /// ``maximumTestedWith``. It is the newer that names the older, which cannot know it.
    package let testedWith: [ContentDigest]
    /// The lowest version of the C library that the files run with, for example `2.34`; empty where any does.
    package let leastLibcVersion: String
    /// What the interface can do beyond what every version of its kind can, by names of its own, ascending; at most
    /// ``maximumCapabilities``.
    package let capabilities: [String]
    /// What a device must be, beside having ``requiredCapabilities``.
    package let deviceNeeds: DeviceNeeds

    package static let maximumCapabilities = 64
    package static let maximumFiles = 256
    package static let maximumTestedWith = 64
    /// The most bytes that all files together may have: 4 GiB.
    package static let maximumTotalSize: Int64 = 4 << 30

    /// Sorts the lists, and refuses what no manifest may say.
    package init(
        kind: String, version: SemanticVersion, platform: BundlePlatform, wireRevisions: ClosedRange<UInt32>,
        requiredCapabilities: [String] = [], files: [BundleFile], testedWith: [ContentDigest] = [],
        leastLibcVersion: String = "", capabilities: [String] = [], deviceNeeds: DeviceNeeds = .none
    ) throws(ManifestError) {
        guard Self.isKind(kind) else { throw ManifestError(.kind, "the kind \(kind.debugDescription)") }
        guard SemanticVersion(version.description) == version else {
            throw ManifestError(.version, "the version \(version.description.debugDescription)")
        }
        self.kind = kind
        self.version = version
        self.platform = platform
        self.wireRevisions = wireRevisions
        self.requiredCapabilities = requiredCapabilities.sorted()
        self.files = files.sorted { $0.path < $1.path }
        self.testedWith = testedWith.sorted()
        self.leastLibcVersion = leastLibcVersion
        self.capabilities = capabilities.sorted()
        self.deviceNeeds = deviceNeeds
        try checkLists()
        try checkFiles()
    }

    /// Whether `text` may name a kind.
    package static func isKind(_ text: String) -> Bool {
        guard (1...32).contains(text.utf8.count), let first = text.utf8.first, (97...122).contains(first)
        else { return false }
        return text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }

    /// The bundle's name in the fleet. `hash` is SHA-256, which a core does not have.
    package func interfaceVersion(hashedBy hash: ([UInt8]) -> ContentDigest) -> InterfaceVersion {
        InterfaceVersion(kind: kind, version: version, digest: hash(encoded()))
    }

    /// The one file of a role of which there is exactly one: the client library or the worker.
    package func file(of role: BundleFile.Role) -> BundleFile? { files.first { $0.role == role } }

    /// What the device lacks of ``requiredCapabilities``, ascending. O(capabilities × extensions)
    package func missingCapabilities(on device: DeviceDescription) -> [String] {
        requiredCapabilities.filter { !device.extensions.contains($0) }
    }

    /// All that a device lacks, a phrase each. O(capabilities × extensions)
    package func unmetNeeds(of device: DeviceDescription) -> [String] {
        missingCapabilities(on: device) + deviceNeeds.unmet(by: device)
    }

    /// Whether a host can load the files. A host that does not say what it is, as those of older releases, is taken for
    /// one that can: it finds out when it installs them.
    package func runs(on host: HostPlatform) -> Bool {
        if host.name.isEmpty { return true }
        guard host.name == platform.description else { return false }
        guard let least = LibcVersion(leastLibcVersion), let there = LibcVersion(host.libcVersion) else { return true }
        return there >= least
    }

    private func checkLists() throws(ManifestError) {
        guard leastLibcVersion.isEmpty || LibcVersion(leastLibcVersion)?.description == leastLibcVersion else {
            throw ManifestError(.platform, "the C library's version \(leastLibcVersion.debugDescription)")
        }
        guard requiredCapabilities.count <= Self.maximumCapabilities, testedWith.count <= Self.maximumTestedWith,
            files.count <= Self.maximumFiles, capabilities.count <= Self.maximumCapabilities,
            deviceNeeds.drivers.count <= DeviceNeeds.maximumDrivers
        else { throw ManifestError(.tooMany, "more entries than a list may have") }
        for capability in requiredCapabilities + capabilities {
            guard (1...128).contains(capability.utf8.count),
                capability.utf8.allSatisfy({ (33...126).contains($0) })
            else { throw ManifestError(.capability, "the capability \(capability.debugDescription)") }
        }
        guard Set(requiredCapabilities).count == requiredCapabilities.count,
            Set(capabilities).count == capabilities.count, Set(testedWith).count == testedWith.count,
            Set(deviceNeeds.drivers.map(\.vendor)).count == deviceNeeds.drivers.count
        else { throw ManifestError(.duplicate, "an entry stands twice in a list") }
    }

    private func checkFiles() throws(ManifestError) {
        var paths: Set<String> = []
        var total: Int64 = 0
        for file in files {
            guard (0...Self.maximumTotalSize).contains(file.size) else {
                throw ManifestError(.size, "\(file.path) has \(file.size) bytes")
            }
            total += file.size
            guard paths.insert(file.path.text).inserted else { throw ManifestError(.duplicate, "two \(file.path)") }
        }
        guard total <= Self.maximumTotalSize else { throw ManifestError(.size, "the files have \(total) bytes") }
        for file in files {
            if let folder = file.path.ancestors.first(where: paths.contains) {
                throw ManifestError(.path, "\(folder) is a file and the folder of \(file.path)")
            }
        }
        for role in [BundleFile.Role.clientLibrary, .worker] {
            let count = files.count { $0.role == role }
            guard count == 1 else { throw ManifestError(.role, "\(count) files with the role \(role)") }
        }
    }
}

/// One file of a bundle.
package struct BundleFile: Hashable, Sendable {
    /// What the file is for; the raw value stands in the manifest.
    package enum Role: UInt8, Hashable, Sendable, CaseIterable {
        /// The library that an application loads.
        case clientLibrary = 1
        /// The program that runs a session on the GPU server.
        case worker = 2
        /// Anything that these two need beside them.
        case support = 3
    }

    package var path: BundlePath
    package var role: Role
    /// In bytes.
    package var size: Int64
    package var digest: ContentDigest

    package init(path: BundlePath, role: Role, size: Int64, digest: ContentDigest) {
        self.path = path
        self.role = role
        self.size = size
        self.digest = digest
    }

    /// Whether the file is a program.
    package var isExecutable: Bool { role == .worker }
}

/// Which machines a bundle runs on. Each part is 1 to 32 characters from `a-z 0-9 _ -`, for example
/// `linux`, `x86_64`, `glibc`.
package struct BundlePlatform: Hashable, Sendable, CustomStringConvertible {
    package let operatingSystem: String
    package let architecture: String
    package let libc: String

    /// Nil where a part is malformed.
    package init?(operatingSystem: String, architecture: String, libc: String) {
        for part in [operatingSystem, architecture, libc] {
            let isWellFormed = part.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == 95 || $0 == 45
            }
            guard isWellFormed, (1...32).contains(part.utf8.count) else { return nil }
        }
        self.init(unchecked: operatingSystem, architecture, libc)
    }

    private init(unchecked operatingSystem: String, _ architecture: String, _ libc: String) {
        self.operatingSystem = operatingSystem
        self.architecture = architecture
        self.libc = libc
    }

    /// The platform that this program was built for.
    package static let current = BundlePlatform(unchecked: currentOperatingSystem, currentArchitecture, currentLibc)

    package var description: String { "\(operatingSystem)-\(architecture)-\(libc)" }

    #if os(Linux)
        private static let currentOperatingSystem = "linux"
    #else
        private static let currentOperatingSystem = "other"
    #endif

    #if arch(x86_64)
        private static let currentArchitecture = "x86_64"
    #elseif arch(arm64)
        private static let currentArchitecture = "aarch64"
    #else
        private static let currentArchitecture = "other"
    #endif

    #if canImport(Musl)
        private static let currentLibc = "musl"
    #elseif canImport(Glibc)
        private static let currentLibc = "glibc"
    #else
        private static let currentLibc = "other"
    #endif
}

/// Why a manifest is refused.
package struct ManifestError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        case kind
        case version
        case platform
        case capability
        case path
        case role
        case size
        case duplicate
        case tooMany
        /// The bytes end early, are too many, or hold something that no field may have.
        case malformed
        /// Of another format revision than this build reads.
        case format
        /// Well-formed, but not the one encoding that the manifest has.
        case notCanonical
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "the manifest is refused: \(message)" }
}
