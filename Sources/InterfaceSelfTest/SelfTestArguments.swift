import DeviceDrivers
import FleetModel

/// A test's command line, `presync interface self-test-device` and what follows: how ``SelfTestProcess`` tells the process
/// that runs one.
package enum SelfTestArguments {
    package static let command = ["interface", "self-test-device"]

    /// `interface`, `client`: kind, version and digest with `@` between them.
    private enum Option: String, CaseIterable {
        case interface, client, device, worker, folder
        case servedClients = "served-clients"
        case clientLibrary = "client-library"
        case clientRevisions = "client-revisions"
    }

    static func encode(_ order: SelfTestOrder, folder: String) -> [String] {
        command
            + Option.allCases.flatMap { option in
                let value =
                    switch option {
                    case .interface: text(order.interface)
                    case .client: text(order.client)
                    case .device: order.device.description
                    case .worker: order.worker
                    case .folder: folder
                    case .servedClients: order.servedClients.map(\.description).joined(separator: ",")
                    case .clientLibrary: order.clientLibrary
                    case .clientRevisions:
                        "\(order.clientRevisions.lowerBound)-\(order.clientRevisions.upperBound)"
                    }
                return ["--\(option.rawValue)", value]
            }
    }

    /// Reads what `encode` writes behind ``command``; nil where it is anything else.
    package static func decode(_ arguments: [String]) -> (order: SelfTestOrder, folder: String)? {
        guard arguments.count == Option.allCases.count * 2 else { return nil }
        var values: [Option: String] = [:]
        for index in stride(from: 0, to: arguments.count, by: 2) {
            guard arguments[index].hasPrefix("--"), let option = Option(rawValue: String(arguments[index].dropFirst(2)))
            else { return nil }
            values[option] = arguments[index + 1]
        }
        let served = (values[.servedClients] ?? "").split(separator: ",").map { ContentDigest(String($0)) }
        guard let interface = values[.interface].flatMap(version), let client = values[.client].flatMap(version),
            let device = values[.device].flatMap({ DeviceSelector($0) }), let worker = values[.worker],
            let folder = values[.folder], let library = values[.clientLibrary],
            let revisions = values[.clientRevisions].flatMap(revisions), !served.contains(nil)
        else { return nil }
        let order = SelfTestOrder(
            interface: interface, servedClients: served.compactMap(\.self), client: client, clientLibrary: library,
            worker: worker, device: device, clientRevisions: revisions)
        return (order, folder)
    }

    private static func text(_ version: InterfaceVersion) -> String {
        "\(version.kind)@\(version.version)@\(version.digest)"
    }

    private static func revisions(_ text: String) -> ClosedRange<UInt32>? {
        let ends = text.split(separator: "-").map { UInt32($0) }
        guard ends.count == 2, let lower = ends[0], let upper = ends[1], lower <= upper else { return nil }
        return lower...upper
    }

    private static func version(_ text: String) -> InterfaceVersion? {
        let parts = text.split(separator: "@").map(String.init)
        guard parts.count == 3, let number = SemanticVersion(parts[1]), let digest = ContentDigest(parts[2]) else {
            return nil
        }
        return InterfaceVersion(kind: parts[0], version: number, digest: digest)
    }
}
