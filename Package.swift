// swift-tools-version: 6.2
// The targets are layers, which docs/architecture.md calls floors: a target may import only targets of lower floors.
import PackageDescription

// The path of libFuzzer's library, which infrastructure/scripts/fuzz.sh sets. If it is set, the package has one more
// target: the fuzzer program.
let fuzzer = Context.environment["FREEINFERENCE_FUZZER"]

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Tests are built without strict memory safety. They use C and raw memory only through the modules under test, except
// for a few of TransportTests.
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
        // Floor 0: C libraries. Each target consists of a module map and a header that includes those of the library.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        // xxHash: only its header is needed (Debian package libxxhash-dev), and no library is linked.
        .target(name: "CPrefixHash"),

        // Floor 1: the event loop, buffers, sockets, TLS and name resolution.
        .target(name: "Transport", dependencies: ["CLinux", "COpenSSL", "CCares"], swiftSettings: strict),
        // Floor 2: makes development certificates for `freeinference certificate`, and for tests.
        .target(
            name: "CertificateAuthority",
            dependencies: ["Transport", "COpenSSL"],
            swiftSettings: strict
        ),
        // Floor 2: HTTP/1.1 and HTTP/2, for clients and for executors, behind one interface.
        .target(name: "HTTP", dependencies: ["Transport", "CNghttp2"], swiftSettings: strict),
        // Floor 3: chooses the executor that serves a request, with queues, limits and health.
        .target(name: "Routing", dependencies: ["Transport"], swiftSettings: strict),
        // Floor 4: understands requests to models and their answers, in the APIs of OpenAI and Anthropic.
        .target(
            name: "Inference",
            dependencies: ["HTTP", "Routing", "CJSON", "CPrefixHash", "CZlib", "CZstd"],
            swiftSettings: strict
        ),
        // Floor 4, independent of Inference: API keys in a database. It is the only target with Foundation, because
        // GRDB needs it.
        .target(
            name: "KeyStore",
            dependencies: ["Routing", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict
        ),
        // Floor 5: reads and checks the configuration file. It is the only target that uses Yams, the YAML parser.
        .target(
            name: "Configuration",
            dependencies: ["Transport", "HTTP", "Routing", "Inference", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict
        ),
        // Floor 6: makes configuration files from those of other gateways, and for the engines that run on this
        // machine.
        .target(
            name: "Migration",
            dependencies: ["Transport", "HTTP", "Inference", "Configuration"],
            swiftSettings: strict
        ),
        // Floor 6: Edge is the server, composed of the lower floors. The other two are a simulated executor and a load
        // generator, which tests and benchmarks use.
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
        // Floor 7: the program with its command line, built from the targets of all lower floors.
        .executableTarget(
            name: "freeinference",
            dependencies: [
                "Configuration", "Edge", "Migration", "KeyStore", "Routing", "CertificateAuthority",
                "ExecutorSimulator", "Bench", "Transport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),

        // For tests: an event loop that a test turns step by step, and the peers of the loop's connections.
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
        // The functions that the fuzzer calls with generated input, and tests that call them with the stored inputs.
        // The fuzzer itself is added below.
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
