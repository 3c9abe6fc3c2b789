package import FleetModel

/// Where devices come from: the GPU port.
///
/// A GPU server calls ``discover(for:startingAt:)`` once, at start. An implementation lists what it can open now,
/// always in the same order on an unchanged machine, and holds nothing open afterwards.
package protocol DeviceDriver: Sendable {
    /// What every device of this driver is.
    var kind: DeviceKind { get }

    /// The devices that are there, numbered from `index` in their order; empty when the driver works and has none.
    func discover(for server: GPUServerID, startingAt index: Int) throws(DeviceDriverError) -> [DiscoveredDevice]
}

/// A device as it was found, and how to open it again in another process of the same host.
package struct DiscoveredDevice: Hashable, Sendable {
    package var description: DeviceDescription
    package var selector: DeviceSelector

    package init(description: DeviceDescription, selector: DeviceSelector) {
        self.description = description
        self.selector = selector
    }
}

/// Names one device of a host for a worker's command line: `opencl:PLATFORM:DEVICE` or `synthetic`.
package enum DeviceSelector: Hashable, Sendable, LosslessStringConvertible {
    /// The device's place in the lists of the OpenCL loader, each from 0.
    case openCL(platform: Int, device: Int)
    /// No device: commands are accepted and nothing is computed.
    case synthetic

    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        if parts == ["synthetic"] {
            self = .synthetic
        } else if parts.count == 3, parts[0] == "opencl", let platform = UInt16(parts[1]), let device = UInt16(parts[2])
        {
            self = .openCL(platform: Int(platform), device: Int(device))
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .openCL(let platform, let device): "opencl:\(platform):\(device)"
        case .synthetic: "synthetic"
        }
    }
}

/// Why a driver could not do what was asked.
package struct DeviceDriverError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The driver's library is not installed, or lacks a function.
        case libraryUnavailable
        /// The driver works and has no such device.
        case noDevice
        /// The driver refused a call, with the API's own error code.
        case callFailed(Int32)
    }
    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
