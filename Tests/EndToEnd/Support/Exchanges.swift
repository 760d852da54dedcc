import Foundation
import Testing

/// The protocol of an exchange whose every byte is checked by `Clients/exchanges.py`: HTTP/2 over TLS, HTTP/1 in
/// clear text.
enum Speaking: String, Sendable, CustomTestStringConvertible {
    case http2 = "h2"
    case http1 = "1.1"
    case http10 = "1.0"

    static let both: [Speaking] = [.http2, .http1]

    var testDescription: String { rawValue }
}

/// A client API: its path, how a stream is requested, and the format of its errors.
enum Tongue: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case chat = "/v1/chat/completions"
    case completions = "/v1/completions"
    case messages = "/v1/messages"
    case responses = "/v1/responses"

    var testDescription: String { rawValue }

    /// A request; `simulator` holds members for the simulated executor, `more` further members of the body.
    func request(stream: Bool = true, tokens: Int = 20, simulator: String = "", more: String = "") -> Asked {
        let prompt =
            switch self {
            case .chat, .messages: #""messages":[{"role":"user","content":"Hello"}]"#
            case .completions: #""prompt":"Hello""#
            case .responses: #""input":"Hello""#
            }
        let limit = self == .responses ? "max_output_tokens" : "max_tokens"
        // The client asks for usage itself, so that the server neither adds nor removes anything.
        let usage =
            stream && (self == .chat || self == .completions) ? #","stream_options":{"include_usage":true}"# : ""
        let tail = more.isEmpty ? "" : "," + more
        return Asked(
            path: rawValue,
            body: #"{"model":"demo","stream":\#(stream),"\#(limit)":\#(tokens),\#(prompt)\#(usage)\#(tail)"#
                + #","simulator":{\#(simulator)}}"#
        )
    }

    /// The expected bytes of the server's own error event.
    func errorEvent(_ failure: Told, requestID: String, created: Int) -> String {
        let (message, type, label) = (failure.message, failure.type, failure.label)
        switch self {
        case .chat, .completions:
            let object = self == .chat ? "chat.completion.chunk" : "text_completion"
            let content = self == .chat ? #""delta":{"content":""}"# : #""text":"""#
            return #"data: {"id":"\#(requestID)","object":"\#(object)","created":\#(created),"model":"demo","#
                + #""error":{"message":"\#(message)","type":"\#(type)","param":null,"code":\#(failure.status),"#
                + #""metadata":{"error_type":"\#(label)"}},"choices":[{"index":0,\#(content),"finish_reason":"error"}]}"#
                + "\n\n"
        case .messages:
            return "event: error\n"
                + #"data: {"type":"error","error":{"type":"\#(failure.anthropicType)","message":"\#(message)"},"#
                + #""request_id":"\#(requestID)"}"# + "\n\n"
        case .responses:
            return "event: response.failed\n"
                + #"data: {"type":"response.failed","response":{"id":"\#(requestID)","object":"response","#
                + #""created_at":\#(created),"model":"demo","status":"failed","#
                + #""error":{"code":"server_error","message":"\#(message)"},"output":[]},"#
                + #""error":{"message":"\#(message)","type":"\#(type)","param":null,"code":"\#(failure.code)"}}"#
                + "\n\n"
        }
    }

    /// The expected bytes of the server's own JSON error response.
    func errorBody(_ failure: Told, requestID: String) -> String {
        guard self != .messages else {
            return #"{"type":"error","error":{"type":"\#(failure.anthropicType)","message":"\#(failure.message)"},"#
                + #""request_id":"\#(requestID)"}"#
        }
        return
            #"{"error":{"message":"\#(failure.message)","type":"\#(failure.type)","param":null,"code":"\#(failure.code)"}}"#
    }
}

/// A failure as the server reports it to the client.
struct Told: Sendable {
    let status: Int
    let label: String
    let code: String
    let message: String
    var type = "server_error"
    var anthropicType = "api_error"

    static let brokeOff = Told(
        status: 502,
        label: "executor_broke_off",
        code: "executor_error",
        message: "The model's executor broke off."
    )
    static let stalled = Told(
        status: 504,
        label: "stall",
        code: "stall",
        message: "The model's executor stopped in the midst of its answer.",
        type: "timeout_error",
        anthropicType: "timeout_error"
    )
    static let noFirstEvent = Told(
        status: 504,
        label: "first_event_timeout",
        code: "first_event_timeout",
        message: "The model's executor did not begin in time.",
        type: "timeout_error",
        anthropicType: "timeout_error"
    )
    static let noResponse = Told(
        status: 504,
        label: "response_timeout",
        code: "response_timeout",
        message: "The model's executor did not answer in time.",
        type: "timeout_error",
        anthropicType: "timeout_error"
    )
    static let notHTTP = Told(
        status: 502,
        label: "executor_protocol",
        code: "executor_error",
        message: "The model's executor gave an answer that is not valid."
    )
    static let unreachable = Told(
        status: 502,
        label: "executor_unreachable",
        code: "executor_error",
        message: "The model's executor cannot be reached."
    )
    static let overloaded = Told(
        status: 503,
        label: "executor_error",
        code: "executor_error",
        message: "The model is overloaded. Try again.",
        type: "overloaded_error",
        anthropicType: "overloaded_error"
    )
}

/// A request that `exchanges.py` sends.
struct Asked: Sendable {
    var path = "/v1/chat/completions"
    var body: String
    /// Sent as `x-request-id`; nil sends none.
    var requestID: String?
}

/// The response to a request; `exchanges.py` has replaced the executor's own ids and times.
struct Seen: Sendable {
    let report: JSON

    var status: Int { report.status.int ?? 0 }
    var body: String { report.body.string ?? "" }
    /// The digest of the whole body, also if the body is too long for `body`.
    var digest: String { report.digest.string ?? "" }
    var length: Int { report.length.int ?? 0 }
    var requestID: String { report.fields["x-request-id"].string ?? "" }
    subscript(_ field: String) -> String? { report.fields[field].string }

    /// The body up to its last complete event.
    var wholeEvents: String {
        guard let end = body.range(of: "\n\n", options: .backwards) else { return "" }
        return String(body[..<end.upperBound])
    }

    /// The `created` (or `created_at`) of the last event; 0 if it has none.
    var created: Int {
        let last = eventData(body).last.flatMap { try? JSON(parsing: $0) } ?? .null
        return last.created.int ?? last.response.created_at.int ?? 0
    }

    var isClean: Bool { report.ending.string == "clean" }

    /// Whether the end marks the response as incomplete, as the protocol requires.
    func endsBroken(_ speaking: Speaking) -> Bool {
        switch speaking {
        // RST_STREAM with INTERNAL_ERROR, as the last frame, after the DATA.
        case .http2: report.ending.string == "reset:2" && report.ends[1].string == "RstStream"
        case .http1: report.ending.string == "closed"
        case .http10: report.ending.string == "reset"
        }
    }
}

extension Server {
    /// Sends the requests one after the other and returns their responses.
    func exchange(_ asked: [Asked], _ speaking: Speaking, within limit: Duration = .seconds(180)) async throws -> [Seen]
    {
        try await exchanges(asked, speaking, target(secure: speaking == .http2), within: limit)
    }

    func exchange(_ asked: Asked, _ speaking: Speaking) async throws -> Seen {
        try await exchange([asked], speaking)[0]
    }

    /// The log line of this exchange, found by its request id.
    func logged(_ seen: Seen) async throws -> JSON {
        try await logged("of \(seen.requestID)") { $0.request_id.string == seen.requestID }
    }
}

extension Executor {
    /// Sends the request directly to the executor, without the server.
    func exchange(_ asked: Asked) async throws -> Seen {
        guard case .loopback(let port) = address else { throw Unmet("not on a port") }
        return try await exchanges([asked], .http1, ["--port", "\(port)"], within: .seconds(180))[0]
    }
}

private func exchanges(
    _ asked: [Asked],
    _ speaking: Speaking,
    _ target: [String],
    within limit: Duration
) async throws -> [Seen] {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let list = asked.map { one -> [String: Any] in
        var members: [String: Any] = ["path": one.path, "body": one.body]
        if let id = one.requestID { members["headers"] = ["x-request-id": id] }
        return members
    }
    // The requests go to a file, because a body may exceed the size of a command-line argument.
    let file = try scratch.write(
        String(decoding: JSONSerialization.data(withJSONObject: list), as: UTF8.self),
        to: "requests.json"
    )
    let completed = try await run(
        Repository.python,
        [Repository.clients + "/exchanges.py"] + target + ["--speaking", speaking.rawValue, file],
        within: limit
    )
    guard completed.succeeded, completed.lines.count == asked.count else {
        throw Unmet("exchanges.py: \(completed.output.prefix(4000))\n\(completed.errors)")
    }
    if speaking == .http2 {
        // After each broken exchange, the connection still served another request.
        for line in completed.lines { #expect(line.served_after.bool == true) }
    }
    return completed.lines.map(Seen.init)
}
