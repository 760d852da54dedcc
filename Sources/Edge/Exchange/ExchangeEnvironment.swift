// What an exchange uses of the worker that it lives on: the seam at which unit tests put their own.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// What an exchange needs of the thread that it lives on.
///
/// `Worker` provides it for exchanges that serve clients. Confined to one thread, like all that it gives.
protocol ExchangeEnvironment: AnyObject {
    /// The clock, the timers and the buffers of the thread.
    var loop: EventLoop { get }
    /// The snapshot of the configuration that an exchange begins with now.
    var snapshot: Snapshot { get }
    var scanner: JSONScanner { get }
    var metrics: WorkerMetrics { get }
    var budget: MemoryBudget { get }
    var retries: RetryBudget { get }
    /// The keys in force.
    var access: KeyAccess { get }
    /// What this thread hashes keys with; nil where there are no keys.
    var keyHasher: HMACSHA256Hasher? { get }
    /// The server takes no new connections and ends.
    var isDraining: Bool { get }
    /// The value of the `date` field at this second.
    var date: String { get }
    /// A number that no other exchange of this process has.
    func nextExchangeID() -> ExchangeID
    /// The client's `x-request-id` if it is well-formed, else one of ours.
    func requestID(for head: RequestHead) -> String

    /// Sends a request to an executor; failures are reported later, never inside the call.
    func send(_ request: ExecutorRequest, to target: ExecutorTarget, handler: any ExecutorStreamHandler)
        -> any ExecutorStream
    /// What a pool calls, from any thread, when it ends the wait of an exchange.
    func waitEnd(for exchange: Exchange) -> @Sendable (WaitEnd) -> Void
    /// Scans a body on this thread; nil where there is no memory for the scan.
    func scanHere(_ body: RequestBody, dialect: Dialect) -> Result<RequestScan, RequestScanError>?
    /// Has a large body decoded, where it has a coding, and scanned by another thread; the result comes back as
    /// `Exchange.identified`.
    func scanElsewhere(_ body: RequestBody, coding: ContentCoding?, charge: BodyCharge, for exchange: Exchange)
    /// The exchange is over: it is counted and logged, and no message reaches it any more.
    func exchangeEnded(_ exchange: Exchange, _ finished: FinishedExchange)
}
