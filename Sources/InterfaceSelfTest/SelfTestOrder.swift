package import DeviceDrivers
package import FleetModel

/// What a self-test is of: both ends of one interface version, on one device of this host.
package struct SelfTestOrder: Hashable, Sendable {
    /// The version that the worker is started in.
    package var interface: InterfaceVersion
    /// Bundles of older versions whose clients the worker serves.
    package var servedClients: [ContentDigest]
    /// The version of the client library; the worker's own, but where an older client is tried with a newer worker.
    package var client: InterfaceVersion
    /// The full path of the library that applications load.
    package var clientLibrary: String
    /// The full path of the worker's program.
    package var worker: String
    package var device: DeviceSelector
    /// The revisions of the session protocol that the client's manifest names.
    package var clientRevisions: ClosedRange<UInt32>

    package init(
        interface: InterfaceVersion, servedClients: [ContentDigest] = [], client: InterfaceVersion? = nil,
        clientLibrary: String, worker: String, device: DeviceSelector, clientRevisions: ClosedRange<UInt32>
    ) {
        self.interface = interface
        self.servedClients = servedClients
        self.client = client ?? interface
        self.clientLibrary = clientLibrary
        self.worker = worker
        self.device = device
        self.clientRevisions = clientRevisions
    }
}

/// What a self-test found out, on one device.
package struct SelfTestReport: Hashable, Sendable, Codable {
    /// The device's selector, `opencl:0:0`.
    package var device: String
    /// What was tried and came out right, in its order.
    package var passed: [String]
    /// What went wrong, for a person; nil where nothing did.
    package var failure: String?
    /// How the session's bytes travelled: `tcp`, or `shared-memory`.
    package var transport: String
    /// From the start of the worker to the first command's answer, in nanoseconds; 0 where it did not come to that.
    package var timeToOpenNs: Int64
    /// Small kernels a second, each waited for; 0 where it did not come to that.
    package var commandRate: Double

    package init(
        device: String, passed: [String] = [], failure: String? = nil, transport: String = "", timeToOpenNs: Int64 = 0,
        commandRate: Double = 0
    ) {
        self.device = device
        self.passed = passed
        self.failure = failure
        self.transport = transport
        self.timeToOpenNs = timeToOpenNs
        self.commandRate = commandRate
    }
}

/// Why a version did not stand its self-test.
package struct SelfTestFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
