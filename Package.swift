// swift-tools-version: 6.2
import PackageDescription

/// Every target of the project is compiled with the same strict settings; a warning is an error.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A target under `Sources/` with the shared settings.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of one target, under `Tests/` in a folder of the same name with `Tests` appended.
func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: Set([name, "FleetModel", "Determinism"]).sorted().map { .byName(name: $0) } + dependencies,
        exclude: exclude, swiftSettings: settings)
}

let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let grpcCore: Target.Dependency = .product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport: Target.Dependency = .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport")

let package = Package(
    name: "presync",
    products: [
        .executable(name: "presync", targets: ["presync"]),
        .executable(name: "presync-worker", targets: ["presync-worker"]),
        .library(name: "PresyncOpenCL", type: .dynamic, targets: ["OpenCLClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", exact: "2.4.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // Vocabulary
        library("FleetModel"),
        library("Determinism", ["FleetModel"]),

        // Pure cores: the vocabulary, the standard library and Collections only (scripts/check-layers)
        library("TelemetryCore", ["FleetModel", collections]),
        library("ForecastCore", ["FleetModel", collections]),
        library("AllocationCore", ["FleetModel", collections]),
        library("InterfaceCore", ["FleetModel"]),
        library("SessionCore", ["FleetModel", collections]),
        library("RemotingCore"),

        // Composition
        library(
            "ControlLoop",
            [
                "FleetModel", "Determinism", "TelemetryCore", "ForecastCore", "AllocationCore", "InterfaceCore",
                "SessionCore", collections,
            ]),
        library(
            "Simulation", ["FleetModel", "Determinism", "ControlLoop", "ForecastCore", "SessionCore", collections]),

        // Adapters
        .systemLibrary(name: "COpenCL", path: "Sources/COpenCL"),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        library(
            "ControlProtocol",
            [
                "FleetModel", grpcCore,
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        library("DeviceDrivers", ["FleetModel", "COpenCL"]),
        library(
            "StateStore",
            ["FleetModel", .product(name: "GRDB", package: "GRDB.swift")]),
        library(
            "InterfaceStore",
            [
                "FleetModel", "InterfaceCore", crypto,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ]),
        library("TraceFiles", ["FleetModel", "CZlib"]),
        library(
            "Observability",
            ["FleetModel", logging, lifecycle, .product(name: "Hummingbird", package: "hummingbird")]),

        // Shells
        library(
            "ManagerRuntime",
            [
                "FleetModel", "ControlLoop", "ControlProtocol", "StateStore", "InterfaceCore", "InterfaceStore",
                "Observability", grpcCore, grpcTransport, logging, lifecycle,
            ]),
        library(
            "AgentRuntime",
            [
                "FleetModel", "ControlLoop", "ControlProtocol", "InterfaceCore", "InterfaceStore", "Observability",
                "RemotingCore", grpcCore, grpcTransport, logging, lifecycle,
            ]),
        library(
            "GPUServerRuntime",
            [
                "FleetModel", "ControlLoop", "ControlProtocol", "DeviceDrivers", "InterfaceCore", "InterfaceStore",
                "Observability", "RemotingCore", grpcCore, grpcTransport, logging, lifecycle,
            ]),
        library("OpenCLClient", ["RemotingCore", "COpenCL"]),
        library("OpenCLWorker", ["RemotingCore", "COpenCL", "DeviceDrivers"]),
        library("Dashboard", ["FleetModel"]),
        library(
            "Commands",
            [
                "FleetModel", "Determinism", "ControlLoop", "Simulation", "ControlProtocol", "DeviceDrivers",
                "TraceFiles", "Observability", "ManagerRuntime", "AgentRuntime", "GPUServerRuntime", "Dashboard",
                "InterfaceCore", "InterfaceStore", "COpenCL",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Yams", package: "Yams"),
                grpcCore, grpcTransport, logging, lifecycle,
            ]),

        // Executables
        .executableTarget(name: "presync", dependencies: ["Commands"], swiftSettings: settings),
        .executableTarget(name: "presync-worker", dependencies: ["OpenCLWorker"], swiftSettings: settings),
        .executableTarget(
            name: "presync-bench",
            dependencies: ["FleetModel", "Determinism", "ControlLoop", "ForecastCore", "StateStore"],
            path: "Benchmarks", swiftSettings: settings),

        // Tests, a target for each target
        tests("FleetModel"),
        tests("Determinism"),
        tests("TelemetryCore"),
        tests("ForecastCore", ["TraceFiles"]),
        tests("AllocationCore"),
        tests("InterfaceCore"),
        tests("SessionCore"),
        tests("RemotingCore"),
        tests("ControlLoop", ["SessionCore", "ForecastCore", "AllocationCore"], exclude: ["Scenarios"]),
        tests("Simulation", ["ControlLoop"]),
        tests("ControlProtocol"),
        tests("DeviceDrivers"),
        tests("StateStore"),
        tests("InterfaceStore", ["InterfaceCore"]),
        tests("TraceFiles"),
        tests("Observability"),
        tests("AgentRuntime", ["ControlLoop", "RemotingCore"]),
        tests("GPUServerRuntime", ["ControlLoop"]),
        tests("OpenCLWorker", ["RemotingCore", "OpenCLClient"]),
        tests("Dashboard"),
        tests("Commands"),
        .testTarget(
            name: "IntegrationTests", dependencies: ["FleetModel", "Commands"], swiftSettings: settings),
    ]
)
