// The options that all benchmarks share: the measured server, and how to connect to it.
internal import ArgumentParser
internal import Bench

/// The options that name the measured server, and the other options that all benchmarks share.
struct BenchTargetOptions: ParsableArguments {
    @Option(help: "The server, as https://host[:port] or http://host[:port].")
    var url: String

    @Flag(name: .customLong("http1"), help: "Speak HTTP/1.1, with a connection a stream, instead of HTTP/2.")
    var http1 = false

    @Option(help: ArgumentHelp("Certificate authorities to trust instead of the system's.", valueName: "file"))
    var ca: String?

    @Flag(help: "Accept any certificate.")
    var insecure = false

    @Option(help: ArgumentHelp("Connect to this address for this host.", valueName: "host:port:address"))
    var resolve: [String] = []

    @Option(help: "The model that is asked for.")
    var model = "demo"

    @Option(help: ArgumentHelp("Sent as `authorization: Bearer`.", valueName: "key"))
    var apiKey: String?

    @Option(help: ArgumentHelp("Run on this processor.", valueName: "cpu"))
    var pin: Int?

    @Flag(help: "Print the figures as JSON.")
    var json = false

    /// The server to connect to; throws if the URL is invalid or its host does not resolve.
    func target() throws -> BenchTarget {
        try BenchTarget(
            url: url,
            version: http1 ? .http1 : .http2,
            caFile: ca,
            insecure: insecure,
            resolve: resolve
        )
    }
}
