import COpenCL
package import FleetModel

/// The devices of every OpenCL platform on the host, whoever made them.
package struct OpenCLDeviceDriver: DeviceDriver {
    private let libraryPath: String

    package init(libraryPath: String = OpenCLLibrary.standardPath) { self.libraryPath = libraryPath }

    package var kind: DeviceKind { .openCL }

    /// Throws ``DeviceDriverError/Code/libraryUnavailable`` where OpenCL is not installed. A platform that cannot list
    /// its devices is left out, so that one broken driver does not hide the others.
    package func discover(
        for server: GPUServerID, startingAt index: Int
    ) throws(DeviceDriverError) -> [DiscoveredDevice] {
        let library = try OpenCLLibrary(path: libraryPath)
        var found: [(device: OpenCLDevice, selector: DeviceSelector)] = []
        for (platformIndex, platform) in try library.platforms() {
            guard let devices = try? platform.devices() else { continue }
            for (deviceIndex, device) in devices.enumerated() where device.number(CL_DEVICE_AVAILABLE) != 0 {
                found.append((device, .openCL(platform: platformIndex, device: deviceIndex)))
            }
        }
        // Whoever takes only the first wants a GPU where there is one.
        let ordered = found.filter { !Self.isProcessor($0.device) } + found.filter { Self.isProcessor($0.device) }
        return ordered.enumerated().map { offset, entry in
            let id = DeviceID(server: server, index: index + offset)
            return DiscoveredDevice(description: describe(entry.device, as: id), selector: entry.selector)
        }
    }

    private static func isProcessor(_ device: OpenCLDevice) -> Bool {
        (device.number(CL_DEVICE_TYPE) ?? 0) & UInt64(CL_DEVICE_TYPE_CPU) != 0
    }

    private func describe(_ device: OpenCLDevice, as id: DeviceID) -> DeviceDescription {
        DeviceDescription(
            id: id, kind: .openCL, model: device.text(CL_DEVICE_NAME), vendor: device.text(CL_DEVICE_VENDOR),
            driverVersion: device.text(CL_DRIVER_VERSION), apiVersion: device.text(CL_DEVICE_VERSION),
            memory: Bytes(Int64(clamping: device.number(CL_DEVICE_GLOBAL_MEM_SIZE) ?? 0)),
            computeUnits: Int(clamping: device.number(CL_DEVICE_MAX_COMPUTE_UNITS) ?? 0),
            extensions: device.text(CL_DEVICE_EXTENSIONS).split(separator: " ").map(String.init).sorted(),
            isHostProcessor: Self.isProcessor(device))
    }
}
