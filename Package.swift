// swift-tools-version: 6.2
// One target a floor of the house (docs/architecture.md): a target may import only the floors below it.
import PackageDescription

// libFuzzer's archive where infrastructure/scripts/fuzz.sh builds: then the program that drives it is a target too.
let fuzzer = Context.environment["FREEINFERENCE_FUZZER"]

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Tests speak to C and to raw memory through the modules under test, but for a few of TransportTests.
let tests: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "freeinference",
    products: [.executable(name: "freeinference", targets: ["freeinference"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
    ],
    targets: [
        // Floor 0: rims around C. A module map and a shim header each.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        // xxHash, of which only the header is needed (libxxhash-dev).
        .target(name: "CPrefixHash"),

        // Floor 1: event loop, buffers, sockets, TLS, names.
        .target(name: "Transport", dependencies: ["CLinux", "COpenSSL", "CCares"], swiftSettings: strict),
        // Floor 2, beside HTTP: makes development certificates for the command of that name, and for tests.
        .target(
            name: "CertificateAuthority",
            dependencies: ["Transport", "COpenSSL"],
            swiftSettings: strict
        ),
        // Floor 2: HTTP/1.1 and HTTP/2 behind one stream interface.
        .target(name: "HTTP", dependencies: ["Transport", "CNghttp2"], swiftSettings: strict),
        // Floor 3: which executor serves a model.
        .target(name: "Routing", dependencies: ["Transport"], swiftSettings: strict),
        // Floor 4: what a model request is.
        .target(
            name: "Inference",
            dependencies: ["HTTP", "Routing", "CJSON", "CPrefixHash", "CZlib", "CZstd"],
            swiftSettings: strict
        ),
        // Floor 4, beside it: keys in a database. The one target with Foundation, which GRDB brings; workers see only
        // Routing's KeyRing.
        .target(
            name: "KeyStore",
            dependencies: ["Routing", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict
        ),
        // Floor 5: the configuration file, read and checked. The one target with Yams.
        .target(
            name: "Configuration",
            dependencies: ["Transport", "HTTP", "Routing", "Inference", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict
        ),
        // Floor 6: makes configurations out of those of other gateways, and out of the engines of this machine.
        .target(
            name: "Migration",
            dependencies: ["Transport", "HTTP", "Inference", "Configuration"],
            swiftSettings: strict
        ),
        // Floor 6: composition, and the two tools that drive it.
        .target(
            name: "Edge",
            dependencies: ["CLinux", "Transport", "HTTP", "Routing", "Inference", "KeyStore", "Configuration"],
            swiftSettings: strict
        ),
        .target(
            name: "ExecutorSimulator",
            dependencies: ["Transport", "HTTP", "Inference"],
            swiftSettings: strict
        ),
        .target(
            name: "Bench",
            dependencies: [
                "Transport", "HTTP", "Routing", "Inference", "CLinux", "CNghttp2",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict
        ),
        // Floor 7: the command line.
        .executableTarget(
            name: "freeinference",
            dependencies: [
                "Configuration", "Edge", "Migration", "KeyStore", "Routing", "CertificateAuthority",
                "ExecutorSimulator", "Bench", "Transport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),

        // A loop that tests turn by hand, and the other end of its connections.
        .target(
            name: "LoopTesting",
            dependencies: ["Transport", "CLinux"],
            path: "Tests/LoopTesting",
            swiftSettings: tests
        ),
        .testTarget(
            name: "TransportTests",
            dependencies: ["Transport", "CertificateAuthority", "LoopTesting", "CLinux", "COpenSSL"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "CertificateAuthorityTests",
            dependencies: ["CertificateAuthority", "Transport", "LoopTesting"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "HTTPTests",
            dependencies: ["HTTP", "CertificateAuthority", "Transport", "LoopTesting"],
            swiftSettings: tests
        ),
        .testTarget(name: "RoutingTests", dependencies: ["Routing", "Transport"], swiftSettings: tests),
        .testTarget(
            name: "InferenceTests",
            dependencies: ["Inference", "HTTP", "Routing"],
            exclude: ["Captures"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "KeyStoreTests",
            dependencies: ["KeyStore", "Routing", "Transport", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: ["Configuration", "HTTP", "Inference", "Routing", "Transport"],
            swiftSettings: tests
        ),
        .testTarget(name: "MigrationTests", dependencies: ["Migration", "Configuration"], swiftSettings: tests),
        .testTarget(
            name: "EdgeTests",
            dependencies: ["Configuration", "Edge", "HTTP", "Inference", "Routing", "Transport", "LoopTesting"],
            exclude: ["Attempt/Captures"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ExecutorSimulatorTests",
            dependencies: ["ExecutorSimulator", "Inference", "Transport", "HTTP"],
            swiftSettings: tests
        ),
        .testTarget(name: "BenchTests", dependencies: ["Bench", "Inference", "Transport"], swiftSettings: tests),
        .testTarget(name: "TidyTests", swiftSettings: tests),
        // What the fuzzer feeds, and its corpus as tests; the fuzzer itself is added below.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Configuration", "Edge", "ExecutorSimulator", "HTTP", "Inference", "Transport", "LoopTesting",
            ],
            path: "Tests/Fuzz/Targets",
            swiftSettings: tests
        ),
        .testTarget(
            name: "FuzzReplayTests",
            dependencies: ["FuzzTargets"],
            path: "Tests/Fuzz/Replay",
            swiftSettings: tests
        ),
        .testTarget(
            name: "EndToEnd",
            dependencies: [.product(name: "Subprocess", package: "swift-subprocess")],
            exclude: ["Clients", "requirements.txt"],
            swiftSettings: tests
        ),
    ],
    cxxLanguageStandard: .cxx17
)

if let fuzzer {
    package.targets.append(
        .executableTarget(
            name: "fuzz",
            dependencies: ["FuzzTargets"],
            path: "Tests/Fuzz/Driver",
            swiftSettings: tests,
            linkerSettings: [.unsafeFlags([fuzzer, "-lstdc++"])]
        )
    )
}
