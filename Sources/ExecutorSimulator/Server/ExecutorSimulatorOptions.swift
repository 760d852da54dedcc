// How an executor simulator behaves where a request does not say otherwise.
package import Transport

package struct ExecutorSimulatorOptions: Sendable {
    /// The models it has; a request for another gets 404.
    package var models = ["demo"]
    /// From the end of the request to the first token.
    package var prefill: Nanoseconds = 50_000_000
    /// Tokens a second of each stream; 0 for as fast as the client takes them.
    package var pace = 50.0
    /// How long a completion is when the request does not say.
    package var tokens = 64
    /// The streams step at times of their own within the period, not all together.
    package var isSpread = false
    /// From the accept of a connection until it is read.
    package var acceptDelay: Nanoseconds = 0
    /// Faults of every request that names none itself.
    package var faults = Faults()
    /// Only so many requests have these faults; nil for all.
    package var faultsMax: Int?
    /// With so many requests under way the next one gets 429.
    package var runningMax: Int?
    /// What it shows over TLS; nil to serve in clear.
    package var certificate: CertificateFiles?
    /// Streams at once on one HTTP/2 connection.
    package var streamsMax = 10_000
    /// An idle connection is closed after this.
    package var idleTimeout: Nanoseconds = 75_000_000_000

    package init() {}
}
