/// Which driver reports a device.
package enum DeviceKind: String, Hashable, Sendable, Codable {
    /// A device of an OpenCL platform.
    case openCL = "opencl"
    /// A made-up device for tests and simulation: it holds no memory and computes nothing.
    case synthetic
}

/// One physical GPU, or one hardware partition of it, as its GPU server found it.
package struct DeviceDescription: Hashable, Sendable, Codable {
    package var id: DeviceID
    package var kind: DeviceKind
    /// The model name as the driver gives it.
    package var model: String
    package var vendor: String
    package var driverVersion: String
    /// The version of the GPU API that the device implements, for example `OpenCL 3.0 PoCL HSTR: ...`.
    package var apiVersion: String
    /// What may be granted on this device: the device's memory, less what the operator keeps back.
    package var memory: Bytes
    /// Compute units as the driver counts them; 0 where unknown.
    package var computeUnits: Int
    /// Names of extensions, sorted.
    package var extensions: [String]
    /// Whether it is the processors of its host.
    package var isHostProcessor: Bool

    package init(
        id: DeviceID, kind: DeviceKind, model: String, vendor: String, driverVersion: String, apiVersion: String,
        memory: Bytes, computeUnits: Int, extensions: [String], isHostProcessor: Bool = false
    ) {
        self.id = id
        self.kind = kind
        self.model = model
        self.vendor = vendor
        self.driverVersion = driverVersion
        self.apiVersion = apiVersion
        self.memory = memory
        self.computeUnits = computeUnits
        self.extensions = extensions
        self.isHostProcessor = isHostProcessor
    }
}
