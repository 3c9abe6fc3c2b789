import COpenCL
import DeviceDrivers
import RemotingCore

extension DeviceInformation {
    /// All that a device tells of itself and its platform, except handles, which mean nothing to a client.
    init(_ found: OpenCLDevice) {
        self.init()
        for parameter in Self.platformParameters { platform[parameter] = found.platform.property(parameter) }
        for parameter in Self.deviceParameters where !Self.handles.contains(Int32(bitPattern: parameter)) {
            device[parameter] = found.property(parameter)
        }
    }

    private static let platformParameters = UInt32(CL_PLATFORM_PROFILE)...UInt32(CL_PLATFORM_NUMERIC_VERSION)
    /// The range that the Khronos registry gives to `cl_device_info` (cl.h). A driver refuses what it does not know.
    private static let deviceParameters = UInt32(CL_DEVICE_TYPE)...UInt32(CL_DEVICE_TYPE) + 0x6F
    private static let handles: Set<Int32> = [CL_DEVICE_PLATFORM, CL_DEVICE_PARENT_DEVICE]
}
