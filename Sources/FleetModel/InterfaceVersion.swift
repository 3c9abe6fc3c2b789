/// A semantic version (semver.org 2.0.0) without build metadata: `major.minor.patch[-prerelease]`.
package struct SemanticVersion: Hashable, Comparable, Sendable, Codable, LosslessStringConvertible {
    package var major: UInt32
    package var minor: UInt32
    package var patch: UInt32
    /// Dot-separated identifiers, empty for a release.
    package var prerelease: [String]

    package init(_ major: UInt32, _ minor: UInt32, _ patch: UInt32, prerelease: [String] = []) {
        self.major = major
        self.minor = minor
        self.patch = patch
        self.prerelease = prerelease
    }

    package init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let halves = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = halves[0].split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 3, let major = Self.number(numbers[0]), let minor = Self.number(numbers[1]),
            let patch = Self.number(numbers[2])
        else { return nil }
        var prerelease: [String] = []
        if halves.count == 2 {
            prerelease = halves[1].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard prerelease.allSatisfy(Self.isPrereleaseIdentifier) else { return nil }
        }
        self.init(major, minor, patch, prerelease: prerelease)
    }

    package var description: String {
        "\(major).\(minor).\(patch)" + (prerelease.isEmpty ? "" : "-" + prerelease.joined(separator: "."))
    }

    package static func < (left: Self, right: Self) -> Bool {
        if (left.major, left.minor, left.patch) != (right.major, right.minor, right.patch) {
            return (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
        }
        // Precedence, semver.org section 11: a prerelease comes before its release, numbers before words.
        if left.prerelease.isEmpty || right.prerelease.isEmpty {
            return !left.prerelease.isEmpty && right.prerelease.isEmpty
        }
        for (one, other) in zip(left.prerelease, right.prerelease) where one != other {
            switch (UInt64(one), UInt64(other)) {
            case (let number?, let otherNumber?): return number < otherNumber
            case (.some, nil): return true
            case (nil, .some): return false
            case (nil, nil): return one < other
            }
        }
        return left.prerelease.count < right.prerelease.count
    }

    private static func number(_ text: Substring) -> UInt32? {
        guard !text.isEmpty, text == "0" || text.first != "0", text.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return UInt32(text)
    }

    private static func isPrereleaseIdentifier(_ text: String) -> Bool {
        let isNumber = text.utf8.allSatisfy { (48...57).contains($0) }
        guard !text.isEmpty, !isNumber || text == "0" || text.first != "0" else { return false }
        return text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
        }
    }
}

/// A SHA-256 digest, 32 bytes.
package struct ContentDigest: Hashable, Comparable, Sendable, Codable, LosslessStringConvertible {
    package let bytes: [UInt8]

    package init?(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes.prefix(33))
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// 64 hexadecimal digits, in lower case as ``description`` writes them, or in upper case.
    package init?(_ text: String) {
        guard text.utf8.count == 64 else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let digit = character.hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// All bytes 0: the digest of nothing that exists.
    package static let zero = ContentDigest(unchecked: [UInt8](repeating: 0, count: 32))

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    package var description: String {
        bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    package static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// An interface version: which interface, which semantic version, and exactly which bundle.
package struct InterfaceVersion: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The interface's kind, `opencl` for the first one.
    package var kind: String
    package var version: SemanticVersion
    /// The digest of the bundle's manifest, which names the digest of each of its files.
    package var digest: ContentDigest

    package init(kind: String, version: SemanticVersion, digest: ContentDigest) {
        self.kind = kind
        self.version = version
        self.digest = digest
    }

    package var description: String { "\(kind) \(version) (\(digest.description.prefix(12)))" }
}
