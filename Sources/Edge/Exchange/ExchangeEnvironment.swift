// The services of a worker that an exchange uses; unit tests provide their own.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The services of the worker that an exchange uses: event loop, snapshot, counters, memory budget and others.
///
/// `Worker` conforms to this protocol. Everything in it is used on the worker's thread only.
protocol ExchangeEnvironment: AnyObject {
    /// The event loop of the worker, with its clock, timers and buffers.
    var loop: EventLoop { get }
    /// The newest snapshot of the configuration; an exchange keeps the snapshot with which it began.
    var snapshot: Snapshot { get }
    /// Counts a client that is refused because of its address or its PROXY header, and logs a warning.
    ///
    /// - Parameter detail: what is wrong with the PROXY header; nil if a rule about addresses has refused the client.
    func clientRefused(_ why: ClientRefusal, _ client: Client, detail: StaticString?)
    /// The JSON parser of the worker, for request bodies and for the answers of executors.
    var scanner: JSONScanner { get }
    /// The counters of the worker's exchanges and connections.
    var metrics: WorkerMetrics { get }
    /// The memory budget of the process, which all workers share.
    var budget: MemoryBudget { get }
    /// The request bodies, of all workers, that wait for memory of `budget`.
    var bodyQueue: Lock<BodyQueue> { get }
    /// Makes all workers refuse request bodies that arrive too slowly, because other bodies wait for memory.
    func refuse(_ slow: SlowBodies)
    /// Refuses the request of this worker whose body has waited longest for memory, if it has waited at least a second.
    ///
    /// - Parameter exchange: the exchange that needs the memory, which is not refused.
    /// - Returns: false if no other body has waited that long.
    func refuseLongestWait(besides exchange: Exchange) -> Bool
    /// The retry budget of the process, which limits how many retries are under way at once.
    var retries: RetryBudget { get }
    /// Hashes the beginnings of prompts, so that a pool can prefer an executor that has the beginning in its cache.
    var promptHasher: PromptHasher { get }
    /// The table of client addresses, which all workers share.
    ///
    /// The table counts the connections, requests and body bytes of each address, for `limits.per_address`.
    var addresses: AddressTable { get }
    /// The API keys in force, and whether a request must have a key.
    var access: Authenticator { get }
    /// The hasher of this worker for API keys, which `access.identify` needs; nil if no keys are configured.
    var keyHasher: HMACSHA256Hasher? { get }
    /// Whether the server has been asked to end.
    ///
    /// The value is already true during `lame_duck`, the time between the signal to end and the drain. The server still
    /// accepts connections and requests then.
    var isLeaving: Bool { get }
    /// The maintenance that the operator has declared, during which requests for models are refused; nil if there is
    /// none.
    var maintenance: Maintenance? { get }
    /// The id of the process, which the edge sends to executors in the header field `cdn-loop`.
    ///
    /// The edge finds the id there if the request comes back to this process.
    var instanceID: String { get }
    /// The value of the `date` field for the current second.
    var date: String { get }
    /// An id that no other exchange has.
    func nextExchangeID() -> ExchangeID
    /// The client's `x-request-id` if it is well-formed, otherwise a new id.
    func requestID(for head: RequestHead) -> String

    /// Sends a request to an executor; a failure is reported to `handler` later, never inside this call.
    func send(_ request: ExecutorRequest, to target: ExecutorTarget, handler: any ExecutorStreamHandler)
        -> any ExecutorStream
    /// Returns the closure that a pool of executors calls, from any thread, when it ends the exchange's wait in the
    /// pool's queue.
    func waitEnd(for exchange: Exchange) -> @Sendable (WaitEnd) -> Void
    /// Scans a request body on this thread; nil if there is no memory for the scan.
    func scanHere(_ body: RequestBody, for exchange: Exchange) -> Result<RequestScan, RequestScanError>?
    /// Passes a body to the scan thread, which decodes the body if it is compressed, and then scans it.
    ///
    /// The scan thread's result arrives later at `Exchange.scanThreadReplied`. If the exchange ends before that,
    /// `charge` keeps the memory of the body charged until the scan thread no longer needs the body.
    func scanElsewhere(_ body: RequestBody, coding: ContentCoding?, charge: BodyCharge, for exchange: Exchange)
    /// Warns that a client has abandoned too many requests before their answers began (`limits.prefill_resets`), so
    /// that its requests are refused from now on.
    ///
    /// - Parameters:
    ///   - client: The key or the address, in words for the operator.
    ///   - most: The limit that the client has reached, in abandoned requests a minute.
    func resetsRefused(of client: String, most: Int)
    /// Counts a refusal by `limits.per_address`, and warns of it once a minute for each address.
    func addressRefused(_ refusal: AddressRefusal)
    /// Counts and logs an exchange that is over, and removes it from the table of exchanges.
    func exchangeEnded(_ exchange: Exchange, _ finished: FinishedExchange)
}
