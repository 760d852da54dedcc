// The services of a worker that an exchange uses; unit tests provide their own.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The services that an exchange uses, on the thread that it is confined to.
///
/// `Worker` conforms. An environment and everything that it returns are confined to one thread.
protocol ExchangeEnvironment: AnyObject {
    /// The event loop of the thread, with its clock, timers and buffers.
    var loop: EventLoop { get }
    /// The newest snapshot of the configuration; an exchange keeps the one that it begins with.
    var snapshot: Snapshot { get }
    /// The JSON parser of the thread, for bodies and answers.
    var scanner: JSONScanner { get }
    /// The counters of the thread.
    var metrics: WorkerMetrics { get }
    /// The memory that all exchanges of the process may take.
    var budget: MemoryBudget { get }
    /// The retries that may be under way at once in the process.
    var retries: RetryBudget { get }
    /// The keys in force.
    var access: Authenticator { get }
    /// The hasher of the thread for `access.identify`; nil if no keys are configured.
    var keyHasher: HMACSHA256Hasher? { get }
    /// Whether the server has been asked to end; for the time of `lame_duck` it takes connections and requests all the
    /// same.
    var isLeaving: Bool { get }
    /// The value of the `date` field for the current second.
    var date: String { get }
    /// An id that no other exchange has.
    func nextExchangeID() -> ExchangeID
    /// The client's `x-request-id` if it is well-formed, otherwise a new one.
    func requestID(for head: RequestHead) -> String

    /// Sends a request to an executor; a failure is reported to `handler` later, never inside this call.
    func send(_ request: ExecutorRequest, to target: ExecutorTarget, handler: any ExecutorStreamHandler)
        -> any ExecutorStream
    /// A closure that a pool calls, from any thread, when it ends the wait of the exchange.
    func waitEnd(for exchange: Exchange) -> @Sendable (WaitEnd) -> Void
    /// Scans a body on this thread; nil if there is no memory for the scan.
    func scanHere(_ body: RequestBody, dialect: Dialect) -> Result<RequestScan, RequestScanError>?
    /// Has a body decoded, if it has a coding, and scanned by the scan thread.
    ///
    /// The result is passed to `Exchange.scanThreadReplied` later. Until then `charge` keeps the memory of the body
    /// charged.
    func scanElsewhere(_ body: RequestBody, coding: ContentCoding?, charge: BodyCharge, for exchange: Exchange)
    /// Counts and logs an exchange that is over, and removes it from the table of exchanges.
    func exchangeEnded(_ exchange: Exchange, _ finished: FinishedExchange)
}
