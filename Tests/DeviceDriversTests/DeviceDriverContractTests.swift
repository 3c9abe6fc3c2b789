import DeviceDrivers
import FleetModel
import Testing

/// What every ``DeviceDriver`` must do, whatever it drives.
@Suite("Device drivers")
struct DeviceDriverContractTests {
    static let drivers: [any DeviceDriver] = [
        OpenCLDeviceDriver(), SyntheticDeviceDriver(count: 3, memory: .gibibytes(8)),
    ]

    @Test("devices are numbered from the index that was asked for", arguments: drivers)
    func numbersDevices(driver: any DeviceDriver) throws {
        let server = GPUServerID(unchecked: "s")
        let found = try driver.discover(for: server, startingAt: 4)
        #expect(!found.isEmpty)
        #expect(found.map(\.description.id) == found.indices.map { DeviceID(server: server, index: 4 + $0) })
    }

    @Test("devices say what they are", arguments: drivers)
    func describesDevices(driver: any DeviceDriver) throws {
        for device in try driver.discover(for: GPUServerID(unchecked: "s"), startingAt: 0).map(\.description) {
            #expect(device.kind == driver.kind)
            #expect(!device.model.isEmpty && !device.vendor.isEmpty && !device.driverVersion.isEmpty)
            #expect(device.memory > .zero)
            #expect(device.extensions == device.extensions.sorted())
        }
    }

    @Test("the order stays the same, and selectors can be read back", arguments: drivers)
    func isRepeatable(driver: any DeviceDriver) throws {
        let server = GPUServerID(unchecked: "s")
        let found = try driver.discover(for: server, startingAt: 0)
        #expect(try driver.discover(for: server, startingAt: 0) == found)
        for device in found { #expect(DeviceSelector(device.selector.description) == device.selector) }
    }
}

@Suite("An OpenCL library")
struct OpenCLLibraryTests {
    @Test("that is missing is named")
    func missingLibrary() throws {
        let error = try #require(throws: DeviceDriverError.self) { try OpenCLLibrary(path: "libNoOpenCL.so.9") }
        #expect(error.code == .libraryUnavailable)
        #expect(error.message.contains("libNoOpenCL.so.9"))
    }

    @Test("that is another library is found out by its first missing function")
    func wrongLibrary() throws {
        let error = try #require(throws: DeviceDriverError.self) { try OpenCLLibrary(path: "libc.so.6") }
        #expect(error.message.contains("clGetPlatformIDs"))
    }

    @Test("says which device is not there", arguments: [(9_999, 0), (0, 9_999)])
    func missingDevice(platform: Int, device: Int) throws {
        let library = try OpenCLLibrary()
        let error = try #require(throws: DeviceDriverError.self) {
            try library.device(platform: platform, device: device)
        }
        #expect(error.code == .noDevice)
    }

    @Test(
        "has no place for selectors that are none", arguments: ["", "opencl", "opencl:0", "opencl:-1:0", "synthetic:1"])
    func badSelector(text: String) {
        #expect(DeviceSelector(text) == nil)
    }
}
