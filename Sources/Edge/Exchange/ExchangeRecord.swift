// What an exchange notes of itself while it runs, for the value that it becomes when it is over.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// Moments are in the nanoseconds of the event loop's clock; 0 is one that has not come.
struct ExchangeRecord {
    /// What is kept of a text of the client's, in bytes.
    private static let textKept = 256

    let id: ExchangeID
    let version: HTTPVersion
    let method: Method
    /// As it came; the log has it without its query.
    private let target: [UInt8]
    private let userAgent: String?
    private let session: String?
    let began: Nanoseconds
    var bodyEnded: Nanoseconds = 0
    var committed: Nanoseconds = 0
    /// Who asks: the one place where log and metrics take the tenant from.
    var tenant = KeyAccess.anonymous
    /// The request carried an unknown key, or no key where one is required.
    var isUnauthenticated = false
    /// The public name of the key.
    var key: String?
    var model: String?
    /// What the client called a model that there is not, or not for it; fit for the log.
    var modelAsked: String?
    /// What the worker counts of the model.
    var row: ModelRow?
    var wantsStream = false
    var status = 0
    var bytesIn = 0
    /// Bytes of text that come to as many tokens as the prompt is thought to have.
    var promptBytes = 0
    /// What the executor's count is held against.
    var bounds = UsageBounds()
    /// Bytes of the response that waited for the client when it was cut off.
    var bytesLost = 0
    /// The attempts that are over, and failed before their answers were ready.
    private var failed: [FinishedExchange.Attempted] = []

    init(_ head: RequestHead, id: ExchangeID, now: Nanoseconds) {
        self.id = id
        version = head.version
        method = head.method
        target = head.target.count <= Self.textKept ? head.target : Array(head.target.prefix(Self.textKept))
        userAgent = head.fields.first(.userAgent).map { String(decoding: $0.prefix(Self.textKept), as: UTF8.self) }
        session = FieldPolicy.session(head.fields)
        began = now
    }

    /// An attempt has failed, and the exchange has heard of it.
    mutating func failed(_ attempt: Attempt, at now: Nanoseconds) {
        failed.append(FinishedExchange.Attempted(attempt, at: now))
    }

    /// What the exchange came to.
    ///
    /// - Parameters:
    ///   - attempt: The attempt that it ended with; nil where none had begun, or where the last one has failed.
    ///   - wait: How long it waited for executors.
    func finished(
        _ end: ExchangeMachine.End,
        requestID: String,
        client: Client,
        attempt: Attempt?,
        wait: ExecutorSelection.Wait,
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
            // Whoever had no status is gone, or was cut.
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
        if let attempt { finished.add(attempt, at: now) }
        return finished
    }
}

extension FinishedExchange {
    /// The attempt that the exchange ended with.
    fileprivate mutating func add(_ attempt: Attempt, at now: Nanoseconds) {
        last = Attempted(attempt, at: now)
        if attempt.kind == .events {
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
        } else if let scan = attempt.scan, !wantsStream {
            isScannedDocument = true
            finishReason = scan.finishReason
        }
    }
}

extension FinishedExchange.Attempted {
    fileprivate init(_ attempt: Attempt, at now: Nanoseconds) {
        self.init(
            executor: attempt.executor.name,
            executorID: attempt.executor.id,
            modelID: attempt.target.model.id,
            times: attempt.times,
            duration: now &- attempt.times.began,
            failure: attempt.failure
        )
    }
}
