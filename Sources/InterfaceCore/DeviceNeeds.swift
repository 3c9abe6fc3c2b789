package import FleetModel

/// What a version needs of a device beside the extensions that its manifest names.
package struct DeviceNeeds: Hashable, Sendable {
    /// A vendor's drivers that are too old.
    package struct Driver: Hashable, Comparable, Sendable {
        /// How the vendor's name begins, as the device gives it: 1 to 64 printable characters.
        package let vendor: String
        /// The lowest version of its driver that will do.
        package let least: DottedVersion

        /// Nil where the vendor's name is none.
        package init?(vendor: String, least: DottedVersion) {
            guard (1...64).contains(vendor.utf8.count), vendor.utf8.allSatisfy({ (32...126).contains($0) }) else {
                return nil
            }
            self.vendor = vendor
            self.least = least
        }

        package static func < (left: Self, right: Self) -> Bool { left.vendor < right.vendor }
    }

    /// The lowest version of OpenCL, such as 1.2; nil where any will do.
    package var leastOpenCL: DottedVersion?
    /// Ascending by vendor, each once; at most ``maximumDrivers``. Of other vendors every driver will do.
    package var drivers: [Driver]

    package static let maximumDrivers = 16
    package static let none = DeviceNeeds()

    package init(leastOpenCL: DottedVersion? = nil, drivers: [Driver] = []) {
        self.leastOpenCL = leastOpenCL
        self.drivers = drivers.sorted()
    }

    /// What a device does not meet, a phrase each. A device that does not say its version is taken to meet it: it finds out
    /// in its self-test.
    package func unmet(by device: DeviceDescription) -> [String] {
        var unmet: [String] = []
        if let least = leastOpenCL, let version = Self.openCL(device.apiVersion), version < least {
            unmet.append("OpenCL \(least) (it has \(version))")
        }
        for driver in drivers where device.vendor.hasPrefix(driver.vendor) {
            guard let version = DottedVersion(leading: device.driverVersion), version < driver.least else { continue }
            unmet.append("driver \(driver.least) of \(driver.vendor) (it has \(version))")
        }
        return unmet
    }

    /// The number in `OpenCL 3.0 PoCL HSTR: …` (`CL_DEVICE_VERSION`).
    private static func openCL(_ text: String) -> DottedVersion? {
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0] == "OpenCL" else { return nil }
        return DottedVersion(leading: String(words[1]))
    }
}

/// Numbers with dots between them, 1 to 4 of them: what drivers and interfaces of devices count by.
package struct DottedVersion: Hashable, Comparable, Sendable, LosslessStringConvertible {
    private let numbers: [UInt32]

    /// Nil where `text` is anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in part.utf8.allSatisfy { (48...57).contains($0) } ? UInt32(part) : nil }
        guard (1...4).contains(parts.count), numbers.count == parts.count else { return nil }
        self.numbers = numbers
    }

    /// The numbers with which `text` begins, as in `3.1+debian` and `535.129.03`.
    package init?(leading text: String) {
        let head = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        self.init(head.split(separator: ".").prefix(4).joined(separator: "."))
    }

    package var description: String { numbers.map(\.description).joined(separator: ".") }

    package static func < (left: Self, right: Self) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }
}
