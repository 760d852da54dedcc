// The settings of an executor simulator, which requests may override.
package import Transport

/// The settings of one simulator.
package struct ExecutorSimulatorOptions: Sendable {
    /// The names of the models that are served; a request for another one gets 404.
    package var models = ["demo"]
    /// The time from the end of the request to the first token.
    package var prefill: Nanoseconds = 50_000_000
    /// The tokens of each stream per second; 0 for as many as the client takes.
    package var pace = 50.0
    /// The tokens of a completion for which the request sets no limit.
    package var tokens = 64
    /// Whether the streams of a pace step at different times within the period, and not all at once.
    package var isSpread = false
    /// The time from the accept of a connection until it is read.
    package var acceptDelay: Nanoseconds = 0
    /// The faults of each request that names none itself.
    package var faults = Faults()
    /// The number of requests that get `faults`; nil for all.
    package var faultsMax: Int?
    /// The most requests in progress, above which a request gets 429; nil for no limit.
    package var runningMax: Int?
    /// The certificate and key for TLS; nil to serve without TLS.
    package var certificate: CertificateFiles?
    /// The most concurrent streams on an HTTP/2 connection.
    package var streamsMax = 10_000
    /// The time after which an idle connection is closed.
    package var idleTimeout: Nanoseconds = 75_000_000_000

    /// Makes the default settings.
    package init() {}
}
