// Asks the engines at given URLs for their models: all at the same time, and within one second.
package import Configuration
internal import HTTP
internal import Transport

/// Asks engines for their models with `GET /v1/models`.
package enum EngineSurvey {
    /// The result of asking one URL for its models.
    package enum Outcome: Sendable {
        /// The engine answered with a list of models.
        case listed(EngineListing)
        /// The engine requires an API key: status 401 or 403.
        case locked(status: Int)
        /// The answer is not a list of models, or did not arrive in time; the text says which.
        case unusable(String)
        /// No connection could be opened, or the host name has no address; the text says which.
        case absent(String)
    }

    /// The ports on which engines usually listen, with the names of the software that uses each port.
    package static let usualPorts: [(port: UInt16, software: String)] = [
        (8000, "vLLM"), (30_000, "SGLang"), (8080, "llama.cpp, TGI"), (11_434, "Ollama"), (1234, "LM Studio"),
        (3000, "TGI"), (5000, "TabbyAPI"),
    ]

    /// The time limit for all answers together, in nanoseconds.
    package static let timeout: UInt64 = 1_000_000_000
    /// The maximum size of an answer's body, in bytes.
    package static let bodyBytesMax = 1 << 20

    /// Asks all URLs at the same time, and returns the result for each URL, in the same order.
    ///
    /// Runs on the calling thread, and returns after `timeout` at the latest.
    package static func ask(_ urls: [ExecutorURL]) -> [Outcome] {
        let loop = EventLoop()
        let environment = ExecutorEnvironment()
        let books = urls.map { AddressBook(of: $0) }
        var isOver = false
        let deadline = loop.now + timeout
        _ = loop.timers.schedule(at: deadline, target: TimerClosure { isOver = true }, kind: 0)
        let questions = zip(urls, books).map { EngineQuestion(url: $0, book: $1, loop: loop, environment: environment) }
        // Name resolution gets only half of the time limit, so that the engine has the other half for its answer.
        for (question, book) in zip(questions, books) where book.name == nil { question.start() }
        let resolver = NameResolver(loop: loop, books: books) { _ in }
        resolver.start(timeout: timeout / 2) {
            for (question, book) in zip(questions, books) where book.name != nil { question.start() }
        }
        while !isOver, questions.contains(where: { $0.outcome == nil }) { loop.turn() }
        let outcomes = questions.map { $0.outcome ?? .unusable("did not answer /v1/models within 1 s") }
        for question in questions { question.stop() }
        resolver.stop()
        loop.dismantle()
        return outcomes
    }
}

/// One request for the list of models.
private final class EngineQuestion: ExecutorStreamHandler {
    private let url: ExecutorURL
    private let client: ExecutorClient
    private var stream: (any ExecutorStream)?
    private var head: ResponseHead?
    private var body: [UInt8] = []
    /// The result of the request; nil until the request is answered or has failed.
    private(set) var outcome: EngineSurvey.Outcome?

    init(url: ExecutorURL, book: AddressBook, loop: EventLoop, environment: ExecutorEnvironment) {
        self.url = url
        var settings = ExecutorClientSettings(
            addresses: book,
            connectTimeout: Nanoseconds(EngineSurvey.timeout),
            idleTimeout: 0
        )
        if url.scheme == .https { settings.tls = ExecutorClientSettings.TLS(serverName: url.host) }
        client = ExecutorClient(loop: loop, settings: settings, environment: environment)
    }

    func start() {
        var fields = FieldBlock()
        fields.append(.userAgent, "freeinference")
        fields.append(.accept, "application/json")
        let request = ExecutorRequest(
            method: .get,
            target: Array((url.pathPrefix + "/v1/models").utf8),
            host: Array(url.authority.utf8),
            fields: fields,
            body: nil
        )
        let started = client.send(request, handler: self)
        if outcome == nil { stream = started }
    }

    func stop() {
        stream?.cancel()
        stream = nil
        client.closeIdle()
    }

    private func end(_ outcome: EngineSurvey.Outcome) {
        if self.outcome == nil { self.outcome = outcome }
        stream = nil
    }

    // MARK: ExecutorStreamHandler

    func requestSent() {}
    func responseHead(_ head: ResponseHead, body: ResponseBody) { self.head = head }
    func responseBody(_ bytes: Span<UInt8>) {
        guard outcome == nil else { return }
        guard body.count + bytes.count <= EngineSurvey.bodyBytesMax else {
            let stream = stream
            end(.unusable("answered /v1/models with more than \(EngineSurvey.bodyBytesMax >> 20) MiB"))
            stream?.cancel()
            return
        }
        for index in bytes.indices { body.append(bytes[index]) }
    }
    func responseEnded() {
        let status = head?.status ?? 0
        if status == 401 || status == 403 { return end(.locked(status: status)) }
        guard status == 200 else { return end(.unusable("answered /v1/models with status \(status)")) }
        guard let listing = EngineListing(body: body, server: head?.fields.string(.server)) else {
            return end(.unusable("answered /v1/models with something that is no list of models"))
        }
        end(.listed(listing))
    }
    func attemptFailed(_ failure: ExecutorFailure) {
        switch failure {
        case .unreachable: end(.absent("nothing listens there"))
        case .unresolved: end(.absent("the name has no address"))
        case .connectTimeout: end(.absent("no connection within 1 s"))
        default: end(.unusable("does not speak HTTP as an engine does"))
        }
    }
}
