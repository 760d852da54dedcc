// The facts that an exchange records while it runs, for its log line and the counters.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The facts about a running exchange from which `FinishedExchange` is made.
///
/// Points in time are in nanoseconds of the event loop's clock; 0 if they have not come yet.
struct ExchangeRecord {
    /// The maximum length of a recorded text from the client, in bytes; a longer text is cut.
    private static let textKept = 256

    let id: ExchangeID
    let version: HTTPVersion
    let method: Method
    /// The request target as the client sent it; the log line has it without its query.
    private let target: [UInt8]
    private let userAgent: String?
    private let session: String?
    /// Cloudflare's id of the request and the client's country; nil if no trusted proxy sent either field.
    private let cloudflare: CloudflareFields?
    let began: Nanoseconds
    var bodyEnded: Nanoseconds = 0
    var committed: Nanoseconds = 0
    /// The caller's tenant, for the log and the metrics.
    var tenant = Authenticator.anonymous
    /// Whether the request was refused with 401, because of its API key or because it had no key.
    var isUnauthenticated = false
    /// The public name of the API key; nil if the request has no key or an unknown key.
    var key: String?
    /// The priority class of the request, on which its position in a queue depends.
    var priority = PriorityClass.standard
    var model: String?
    /// The name of the requested model, if the model does not exist or the caller may not use it.
    ///
    /// The name is for the log, so it is shortened, and words that may be API keys are removed.
    var modelAsked: String?
    /// The worker's counters for the model; nil until the model is known.
    var row: ModelRow?
    var wantsStream = false
    /// Which response head the edge may send before an executor has answered.
    var earlyHead = EarlyHead.none
    /// In which JSON member the client gets a chat answer's reasoning: the requested model's setting `reasoning`.
    var reasoning = ReasoningMember.asIs
    var status = 0
    var bytesIn = 0
    /// The estimated size of the prompt in bytes; an image counts like a text with the same number of tokens.
    var promptBytes = 0
    /// The largest plausible token usage; if an executor reports a larger usage, these bounds are recorded instead.
    var bounds = UsageBounds()
    /// How many bytes of the response had not been sent to the client when its stream ended too early.
    var bytesLost = 0
    /// The attempts that failed before anything of their answers could be relayed, in order.
    private var failed: [FinishedExchange.Attempted] = []

    /// Makes the record of a request whose head has arrived.
    ///
    /// - Parameter namesClientsInFields: Whether trusted proxies send the addresses of their clients in header fields.
    init(_ head: RequestHead, id: ExchangeID, client: Client, namesClientsInFields: Bool, now: Nanoseconds) {
        self.id = id
        version = head.version
        method = head.method
        target = head.target.count <= Self.textKept ? head.target : Array(head.target.prefix(Self.textKept))
        userAgent = head.fields.first(.userAgent).map { String(decoding: $0.prefix(Self.textKept), as: UTF8.self) }
        session = FieldPolicy.session(head.fields)
        cloudflare = CloudflareFields(head.fields, from: client, namesClientsInFields: namesClientsInFields)
        began = now
    }

    /// Whether the request shows that its client is a user of this server, and not, for example, a scanner.
    ///
    /// That is so if the request had a valid key. Where no key is required, it is also so if the request named an
    /// existing model and got a status below 400.
    var isOfKnownClient: Bool { !isUnauthenticated && (key != nil || row != nil && (1..<400).contains(status)) }

    /// Adds an attempt that has failed before its answer was ready to be relayed.
    mutating func failed(_ attempt: Attempt, at now: Nanoseconds) {
        failed.append(FinishedExchange.Attempted(attempt, at: now))
    }

    /// Makes the `FinishedExchange` for the log line and the counters, when the exchange ends.
    ///
    /// - Parameters:
    ///   - attempt: The last attempt; nil if no attempt had begun, or if the last one has failed and is in `failed`.
    ///   - wait: How long the exchange waited for executors.
    func finished(
        _ end: ExchangeMachine.End,
        requestID: String,
        client: Client,
        attempt: Attempt?,
        wait: ExecutorWait,
        usage: Usage?,
        bytesOut: Int,
        now: Nanoseconds
    ) -> FinishedExchange {
        var finished = FinishedExchange(
            id: id,
            requestID: requestID,
            client: client,
            version: version,
            method: method,
            target: target,
            userAgent: userAgent,
            session: session,
            tenant: isUnauthenticated ? nil : tenant,
            key: key,
            model: model,
            modelID: row?.id,
            // Status 499 stands for a client that left or was cut off before it was sent a status.
            status: status == 0 ? Failure.Kind.clientLeft.status : status,
            end: end,
            wallTime: Clock.wallTime(),
            began: began,
            bodyEnded: bodyEnded,
            committed: committed,
            ended: now,
            queueWait: wait.began > 0 ? wait.total(at: now) : nil,
            bytesIn: bytesIn,
            bytesOut: bytesOut,
            bytesLost: bytesLost,
            wantsStream: wantsStream,
            failed: failed,
            usage: usage
        )
        finished.modelAsked = modelAsked
        finished.priority = priority
        finished.cloudflare = cloudflare
        if let attempt { finished.add(attempt, at: now) }
        return finished
    }
}

extension FinishedExchange {
    /// Adds the attempt that the exchange ended with.
    fileprivate mutating func add(_ attempt: Attempt, at now: Nanoseconds) {
        last = Attempted(attempt, at: now)
        if attempt.answer.kind == .events {
            let meter = attempt.meter
            finishReason = meter.finishReason
            stream = Stream(
                events: meter.events,
                tokens: meter.tokens,
                firstToken: meter.firstToken,
                lastToken: meter.lastToken,
                gapCount: meter.gapCount,
                gapSum: meter.gapSum,
                longestGap: meter.longestGap
            )
        } else if let scan = attempt.answer.scan, !wantsStream {
            isScannedDocument = true
            finishReason = scan.finishReason
        }
    }
}

extension FinishedExchange.Attempted {
    fileprivate init(_ attempt: Attempt, at now: Nanoseconds) {
        let placement = attempt.lease.placement
        let hasReason = attempt.lease.pool.choosesByPrompt || placement.reason == .response
        self.init(
            executor: attempt.executor.name,
            executorID: attempt.executor.id,
            modelID: attempt.target.model.id,
            times: attempt.times,
            duration: now &- attempt.times.began,
            failure: attempt.failure,
            placement: hasReason ? placement : nil
        )
    }
}
