package import DeviceDrivers
package import FleetModel
import Glibc

/// How a worker is started: what a GPU server writes on its command line, and what the worker reads there.
///
/// The session's ticket is not part of it: a command line can be read by everyone on the host. It comes as the first
/// line on the worker's standard input, which is the connection to the GPU server that started it.
package struct WorkerLaunch: Hashable, Sendable {
    package var grant: GrantID
    package var instance: InstanceID
    package var device: DeviceID
    package var selector: DeviceSelector
    package var epoch: Epoch
    package var slice: Slice
    package var interface: InterfaceVersion
    /// Bundles that the interface's manifest names as tested with it; at most 64.
    package var testedWith: [ContentDigest]
    /// The numeric address to listen on.
    package var listenHost: String
    /// The ports to try, in order; 0...0 takes one that is free.
    package var ports: ClosedRange<UInt16>
    /// The host by which agents reach ``listenHost``.
    package var advertisedHost: String
    /// Where a GPU server that has started anew finds the worker: a UNIX socket.
    package var controlPath: String
    /// How long the worker lives without word from a GPU server while no program uses it.
    package var timeToLive: Duration

    package init(
        grant: GrantID, instance: InstanceID, device: DeviceID, selector: DeviceSelector, epoch: Epoch, slice: Slice,
        interface: InterfaceVersion, testedWith: [ContentDigest] = [], listenHost: String,
        ports: ClosedRange<UInt16> = 0...0, advertisedHost: String,
        controlPath: String, timeToLive: Duration
    ) {
        self.grant = grant
        self.instance = instance
        self.device = device
        self.selector = selector
        self.epoch = epoch
        self.slice = slice
        self.interface = interface
        self.testedWith = testedWith
        self.listenHost = listenHost
        self.ports = ports
        self.advertisedHost = advertisedHost
        self.controlPath = controlPath
        self.timeToLive = timeToLive
    }
}

/// What is wrong with a worker's command line.
package struct WorkerLaunchError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension WorkerLaunch {
    /// Where a worker's GPU server leaves its ``ProcessRecord``, beside its control socket.
    package var recordPath: String { controlPath + Self.recordSuffix }

    private static let endMark = "ended "

    /// Says in a worker's record, which is open for writing, that it ends by itself; and closes it. Nothing where it is below 0.
    package static func noteEnd(inRecord descriptor: Int32) {
        guard descriptor >= 0 else { return }
        _ = endMark.withCString { write(descriptor, $0, endMark.utf8.count) }
        close(descriptor)
    }

    /// Whether a worker's record says that it ended by itself, or is no longer there: a worker that can takes it along.
    package static func tellsOfEnd(_ recordPath: String) -> Bool {
        SmallFile.read(recordPath).map { $0.hasPrefix(endMark) } ?? true
    }

    package static let recordSuffix = ".process"

    private enum Option: String, CaseIterable {
        case grant, instance, server, device, selector, epoch, memory, compute, interface, version, digest, listen
        case ports, advertise, control
        case testedWith = "tested-with"
        case timeToLive = "ttl-ms"
    }

    /// The command line after the program's name.
    package var arguments: [String] {
        Option.allCases.flatMap { ["--\($0.rawValue)", text(of: $0)] }
    }

    private func text(of option: Option) -> String {
        switch option {
        case .grant: String(grant.rawValue)
        case .instance: instance.rawValue
        case .server: device.server.rawValue
        case .device: String(device.index)
        case .selector: selector.description
        case .epoch: epoch.description
        case .memory: String(slice.memory.rawValue)
        case .compute: String(slice.compute.rawValue)
        case .interface: interface.kind
        case .version: interface.version.description
        case .digest: interface.digest.description
        case .testedWith: testedWith.map(\.description).joined(separator: ",")
        case .listen: listenHost
        case .ports: "\(ports.lowerBound)-\(ports.upperBound)"
        case .advertise: advertisedHost
        case .control: controlPath
        case .timeToLive: String(timeToLive.nanoseconds / 1_000_000)
        }
    }

    /// Reads what ``arguments`` writes: each option once, in any order. Throws naming the first that is missing or
    /// wrong.
    package init(arguments: [String]) throws(WorkerLaunchError) {
        let values = try OptionValues<Option>(arguments)
        let memory = try values.read(.memory) { Int64($0).flatMap { $0 < 0 ? nil : $0 } }
        let compute = try values.read(.compute) { Int32($0).flatMap { $0 < 0 ? nil : $0 } }
        let version = try values.read(.version) { SemanticVersion($0) }
        let digest = try values.read(.digest) { ContentDigest($0) }
        let server = try values.read(.server) { GPUServerID(rawValue: $0) }
        let device = try values.read(.device) { UInt16($0) }
        let milliseconds = try values.read(.timeToLive) { UInt32($0) }
        self.init(
            grant: GrantID(rawValue: try values.read(.grant) { UInt64($0) }),
            instance: try values.read(.instance) { InstanceID(rawValue: $0) },
            device: DeviceID(server: server, index: Int(device)),
            selector: try values.read(.selector) { DeviceSelector($0) },
            epoch: try values.read(.epoch) { Epoch(controlText: $0) },
            slice: Slice(memory: Bytes(memory), compute: MilliShare(compute)),
            interface: InterfaceVersion(
                kind: try values.read(.interface) { $0.isEmpty ? nil : $0 }, version: version, digest: digest),
            testedWith: try values.read(.testedWith, Self.digests),
            listenHost: try values.read(.listen, Self.host),
            ports: try values.read(.ports, Self.portRange),
            advertisedHost: try values.read(.advertise, Self.host),
            controlPath: try values.read(.control) { $0.isEmpty ? nil : $0 },
            timeToLive: .milliseconds(Int64(milliseconds)))
    }

    /// 1 to 255 bytes, as DNS allows.
    private static func host(_ text: String) -> String? {
        (1...255).contains(text.utf8.count) ? text : nil
    }

    /// Digests with commas between them, at most 64; none in an empty text.
    private static func digests(_ text: String) -> [ContentDigest]? {
        let parts = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
        let digests = parts.compactMap { ContentDigest(String($0)) }
        return digests.count == parts.count && digests.count <= 64 ? digests : nil
    }

    private static func portRange(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard ends.count == 2, let lower = ends[0], let upper = ends[1], lower <= upper else { return nil }
        return lower...upper
    }
}

/// Options of the form `--name value`, each at most once.
private struct OptionValues<Option: RawRepresentable & Hashable> where Option.RawValue == String {
    private var values: [Option: String] = [:]

    init(_ arguments: [String]) throws(WorkerLaunchError) {
        var remaining = arguments[...]
        while let name = remaining.popFirst() {
            guard name.hasPrefix("--"), let option = Option(rawValue: String(name.dropFirst(2))) else {
                throw WorkerLaunchError("unknown option \(name)")
            }
            guard let value = remaining.popFirst() else {
                throw WorkerLaunchError("\(name) needs a value")
            }
            guard values.updateValue(value, forKey: option) == nil else {
                throw WorkerLaunchError("\(name) is given twice")
            }
        }
    }

    func read<Value>(_ option: Option, _ parse: (String) -> Value?) throws(WorkerLaunchError) -> Value {
        guard let text = values[option] else {
            throw WorkerLaunchError("--\(option.rawValue) is missing")
        }
        guard let value = parse(text) else {
            throw WorkerLaunchError("--\(option.rawValue) cannot be \(text)")
        }
        return value
    }
}
