import DeviceDrivers
import FleetModel

/// The devices that a GPU server offers, as found at its start, by index.
struct DeviceInventory: Sendable {
    let devices: [DiscoveredDevice]

    /// Asks the driver that the configuration names.
    /// - Throws: ``GPUServerError`` when there is no device to offer, saying what is missing.
    init(_ configuration: GPUServerConfiguration) throws(GPUServerError) {
        let driver: any DeviceDriver =
            if let synthetic = configuration.synthetic {
                SyntheticDeviceDriver(count: synthetic.count, memory: synthetic.memory)
            } else {
                OpenCLDeviceDriver(libraryPath: configuration.openCLLibrary)
            }
        do {
            devices = try driver.discover(for: configuration.server, startingAt: 0).prefix(configuration.maximumDevices)
                .map { Self.limit($0, to: configuration.memoryLimit) }
        } catch {
            throw GPUServerError("no device can be offered: \(error)")
        }
        guard !devices.isEmpty else { throw GPUServerError("the drivers of this host list no device") }
    }

    init(devices: [DiscoveredDevice]) { self.devices = devices }

    var descriptions: [DeviceDescription] { devices.map(\.description) }

    /// How a worker opens a device; nil for one that this server does not have.
    func selector(of device: DeviceID) -> DeviceSelector? {
        devices.first { $0.description.id == device }?.selector
    }

    private static func limit(_ device: DiscoveredDevice, to most: Bytes?) -> DiscoveredDevice {
        guard let most, most < device.description.memory else { return device }
        var limited = device
        limited.description.memory = most
        return limited
    }
}

/// Why a GPU server could not start or go on.
package struct GPUServerError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
