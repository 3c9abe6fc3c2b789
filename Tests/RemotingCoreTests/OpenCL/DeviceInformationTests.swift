import RemotingCore
import Testing

@Suite struct DeviceInformationTests {
    @Test func parametersAreKeptInOrder() throws {
        var information = DeviceInformation()
        information.device[0x102B] = [1]
        information.device[0x1000] = [2, 3]
        information.device[0x102B] = [4]
        information.platform[0x0902] = [5]
        information.platform[0x0903] = [6]
        information.platform[0x0903] = nil
        #expect(information.device.entries.map(\.parameter) == [0x1000, 0x102B])
        #expect(information.device[0x102B] == [4])
        #expect(information.device[0x1001] == nil)
        let expected = "01000000 02090000 01000000 05" + "02000000 00100000 02000000 0203 2b100000 01000000 04"
        #expect(hex(information.encoded()) == hex(hex(expected)))
        #expect(try DeviceInformation(encoded: information.encoded()) == information)
    }

    @Test func whatDoesNotFitIsLeftOut() throws {
        var information = DeviceInformation()
        for parameter in 0..<600 as Range<UInt32> {
            information.device[parameter] = Array(repeating: 1, count: 1000)
        }
        information.device[1] = Array(repeating: 1, count: OpenCLInterface.deviceParameterValue + 1)
        #expect(information.device.entries.count == OpenCLInterface.deviceParameters)
        #expect(information.device[1]?.count == 1000)
        let decoded = try DeviceInformation(encoded: information.encoded())
        #expect(information.encoded().count <= SessionLimits.deviceInformation)
        #expect(decoded.device.entries == Array(information.device.entries.prefix(decoded.device.entries.count)))
    }

    @Test(arguments: [
        ("00000000 02000000 01000000 00000000 01000000 00000000", RemotingError.Code.malformed),
        ("00000000 01020000", .oversized), ("00000000 01000000 01000000 01000100", .oversized),
        ("00000000 00000000 00", .malformed),
    ])
    func aBlobThatMayNotBeIsRefused(bytes: String, code: RemotingError.Code) {
        #expect { try DeviceInformation(encoded: hex(bytes)) } throws: { ($0 as? RemotingError)?.code == code }
    }
}
