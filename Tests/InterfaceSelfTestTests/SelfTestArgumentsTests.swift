import DeviceDrivers
import FleetModel
import Testing

@testable import InterfaceSelfTest

@Suite struct SelfTestArgumentsTests {
    private static func order(_ device: DeviceSelector) -> SelfTestOrder {
        let version = InterfaceVersion(
            kind: "opencl", version: SemanticVersion(1, 2, 3, prerelease: ["rc", "1"]), digest: .zero)
        let older = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)
        return SelfTestOrder(
            interface: version, servedClients: [.zero, .zero], client: older, clientLibrary: "/a b/lib.so",
            worker: "/w", device: device, clientRevisions: 1...2)
    }

    @Test(arguments: [DeviceSelector.synthetic, .openCL(platform: 3, device: 4)])
    func whatIsWrittenIsRead(device: DeviceSelector) throws {
        let order = Self.order(device)
        let arguments = SelfTestArguments.encode(order, folder: "/a/folder")
        #expect(Array(arguments.prefix(2)) == SelfTestArguments.command)
        let read = try #require(SelfTestArguments.decode(Array(arguments.dropFirst(2))))
        #expect(read.order == order)
        #expect(read.folder == "/a/folder")
    }

    @Test func nothingElseIsRead() {
        let arguments = Array(SelfTestArguments.encode(Self.order(.synthetic), folder: "/f").dropFirst(2))
        for index in arguments.indices {
            var wrong = arguments
            wrong[index] = "x"
            let isFree = ["--worker", "--client-library", "--folder"].contains(arguments[max(index - 1, 0)])
            #expect((SelfTestArguments.decode(wrong) == nil) == !isFree)
        }
        #expect(SelfTestArguments.decode(Array(arguments.dropLast())) == nil)
    }
}
