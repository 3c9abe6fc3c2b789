// swift-tools-version: 6.2
import PackageDescription

/// Every target of the project is compiled with the same strict settings; a warning is an error.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    // There is one configuration, release, and its tests reach into targets with `@testable`.
    .unsafeFlags(["-enable-testing"], .when(configuration: .release)),
]

/// For what a bundle carries to other hosts: it must run where no Swift runtime is installed. The toolchain's own linker
/// lays it out so that it loads faster than the system's does, which a program's first GPU call waits for. What tells where
/// it was built is left out, so that the same sources make the same bundle in any folder, and half as large.
let withoutSwiftRuntime = [
    "-static-stdlib", "-use-ld=lld", "-Xlinker", "--strip-debug",
    "-Xlinker", "\(Context.packageDirectory)/Sources/CInterfaceEdition/bundle.ld",
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

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let grpcCore: Target.Dependency = .product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport: Target.Dependency = .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport")

let package = Package(
    name: "presync",
    products: [
        .executable(name: "presync", targets: ["presync"]),
        .executable(name: "presync-worker", targets: ["presync-worker"]),
        .executable(name: "presync-worker-basic", targets: ["presync-worker-basic"]),
        .library(name: "PresyncOpenCL", type: .dynamic, targets: ["OpenCLClient", "EditionCurrent"]),
        .library(name: "PresyncOpenCLBasic", type: .dynamic, targets: ["OpenCLClient", "EditionBasic"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(
            url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
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

        // Pure cores: the vocabulary, the standard library and Collections only (scripts/checks/layers)
        library("TelemetryCore", ["FleetModel"]),
        library("ForecastCore", ["FleetModel", "Determinism"]),
        library("AllocationCore", ["FleetModel"]),
        library("InterfaceCore", ["FleetModel"]),
        library("SessionCore", ["FleetModel"]),
        library("RemotingCore"),

        // Composition
        library(
            "ControlLoop",
            [
                "FleetModel", "Determinism", "TelemetryCore", "ForecastCore", "AllocationCore", "InterfaceCore",
                "SessionCore",
            ]),
        library(
            "Simulation",
            ["FleetModel", "Determinism", "ForecastCore", "AllocationCore", "InterfaceCore", "ControlLoop"]),

        // Adapters
        .systemLibrary(name: "COpenCL", path: "Sources/COpenCL"),
        .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
        .systemLibrary(name: "CInterfaceEdition", path: "Sources/CInterfaceEdition"),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        library(
            "ControlProtocol",
            [
                "FleetModel", grpcCore, grpcTransport,
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        library("DeviceDrivers", ["FleetModel", "COpenCL"]),
        library("WorkerControl", ["FleetModel", "SessionCore", "DeviceDrivers", "CLinux"]),
        library("SessionTransport", ["RemotingCore"]),
        library(
            "StateStore",
            ["FleetModel", .product(name: "GRDB", package: "GRDB.swift")]),
        library(
            "InterfaceStore",
            ["FleetModel", "InterfaceCore", crypto, cryptoExtras, nioCore, nioHTTP, httpClient, hummingbird, logging]),
        library(
            "InterfaceSelfTest",
            ["FleetModel", "RemotingCore", "SessionTransport", "DeviceDrivers", "WorkerControl", "COpenCL"]),
        library("TraceFiles", ["FleetModel", "CZlib"]),
        library("OpenBLAS", ["ForecastCore"]),
        library(
            "Observability",
            ["FleetModel", logging, lifecycle, nioCore, hummingbird, hummingbirdCore]),

        // Shells
        library(
            "ManagerRuntime",
            [
                "FleetModel", "ForecastCore", "AllocationCore", "InterfaceCore", "ControlLoop", "ControlProtocol",
                "StateStore", "InterfaceStore", "OpenBLAS", "Observability", grpcCore, grpcTransport, logging,
                lifecycle,
            ]),
        library(
            "AgentRuntime",
            [
                "FleetModel", "InterfaceCore", "RemotingCore", "ControlLoop", "ControlProtocol", "SessionTransport",
                "InterfaceStore", "Observability", logging, lifecycle,
            ]),
        library(
            "GPUServerRuntime",
            [
                "FleetModel", "InterfaceCore", "SessionCore", "ControlLoop", "ControlProtocol", "DeviceDrivers",
                "WorkerControl", "StateStore", "InterfaceStore", "InterfaceSelfTest", "Observability", logging,
                lifecycle,
            ]),
        .target(
            name: "OpenCLClient", dependencies: ["RemotingCore", "COpenCL", "SessionTransport", "CInterfaceEdition"],
            exclude: ["exports.map"],
            swiftSettings: settings,
            linkerSettings: [
                .unsafeFlags(
                    withoutSwiftRuntime + [
                        "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/OpenCLClient/exports.map",
                        // It has threads, and a handler of fork(2): a program that closes it keeps it.
                        "-Xlinker", "-z", "-Xlinker", "nodelete",
                    ])
            ]),
        library("EditionCurrent"),
        library("EditionBasic"),
        library(
            "OpenCLWorker",
            [
                "FleetModel", "RemotingCore", "COpenCL", "CLinux", "DeviceDrivers", "WorkerControl",
                "SessionTransport",
            ]),
        library("Dashboard", ["FleetModel"]),
        library(
            "Commands",
            [
                "FleetModel", "Determinism", "ForecastCore", "AllocationCore", "RemotingCore", "Simulation",
                "ControlProtocol",
                "DeviceDrivers",
                "InterfaceCore", "InterfaceStore", "InterfaceSelfTest", "TraceFiles", "OpenBLAS", "Observability",
                "ManagerRuntime",
                "AgentRuntime",
                "GPUServerRuntime", "Dashboard", "COpenCL", grpcCore, logging, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Yams", package: "Yams"),
            ]),

        // Executables
        .executableTarget(name: "presync", dependencies: ["Commands"], swiftSettings: settings),
        .executableTarget(
            name: "presync-worker", dependencies: ["OpenCLWorker"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(withoutSwiftRuntime)]),
        .executableTarget(
            name: "presync-worker-basic", dependencies: ["OpenCLWorker", "RemotingCore"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(withoutSwiftRuntime)]),
        .executableTarget(
            name: "presync-bench",
            dependencies: [
                "FleetModel", "Determinism", "ControlLoop", "ForecastCore", "AllocationCore", "StateStore",
                "RemotingCore", "ControlProtocol", "Observability", "ManagerRuntime", "InterfaceCore",
                "InterfaceStore", "OpenBLAS", hummingbird, logging, lifecycle, grpcCore, grpcTransport,
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
            ],
            path: "Benchmarks", exclude: ["peers"], swiftSettings: settings),

        // Tests, a target for each target
        tests("FleetModel"),
        tests("Determinism"),
        tests("TelemetryCore"),
        tests("ForecastCore", ["TraceFiles"]),
        tests("AllocationCore"),
        tests("InterfaceCore"),
        tests("SessionCore"),
        tests("RemotingCore", exclude: ["Recorded"]),
        tests(
            "ControlLoop", ["SessionCore", "ForecastCore", "AllocationCore", "InterfaceCore"], exclude: ["Scenarios"]),
        tests("Simulation", ["ControlLoop", "ForecastCore", "AllocationCore", "TraceFiles"]),
        tests("ControlProtocol", exclude: ["Recorded"]),
        tests("DeviceDrivers"),
        tests("WorkerControl", ["SessionCore", "DeviceDrivers"]),
        tests("SessionTransport", ["RemotingCore"]),
        tests("StateStore"),
        tests(
            "InterfaceStore",
            ["InterfaceCore", crypto, cryptoExtras, nioCore, nioHTTP, httpClient, hummingbird, logging]),
        tests("TraceFiles", ["CZlib"]),
        tests("OpenBLAS", ["ForecastCore"]),
        tests("Observability"),
        tests(
            "ManagerRuntime",
            [
                "ForecastCore", "ControlLoop", "ControlProtocol", "StateStore", "Observability", grpcCore, logging,
                lifecycle,
            ]),
        tests("AgentRuntime", ["ControlLoop", "RemotingCore", "SessionTransport"]),
        tests("GPUServerRuntime", ["ControlLoop", "ControlProtocol", "DeviceDrivers", "WorkerControl", "StateStore"]),
        tests("InterfaceSelfTest", ["DeviceDrivers"]),
        tests(
            "OpenCLWorker",
            ["SessionCore", "RemotingCore", "SessionTransport", "DeviceDrivers", "WorkerControl", "COpenCL"]),
        // Loads the library as built, as programs do: it is linked in a way of its own.
        .testTarget(
            name: "OpenCLClientTests",
            dependencies: [
                "FleetModel", "Determinism", "RemotingCore", "SessionTransport", "DeviceDrivers", "WorkerControl",
                "COpenCL",
            ],
            swiftSettings: settings),
        tests("Dashboard"),
        tests(
            "Commands",
            [
                "ControlProtocol", "ManagerRuntime", "GPUServerRuntime", "AgentRuntime", "TraceFiles", "InterfaceCore",
                "InterfaceStore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["FleetModel", "Determinism", "ControlProtocol"],
            swiftSettings: settings),
    ]
)
