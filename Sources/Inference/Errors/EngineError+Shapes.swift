// The shapes in which engines and gateways write errors, and how each shape is read into an `EngineError`.

extension EngineError {
    // MARK: Shapes that occur with any status

    /// How many levels of nested JSON are searched for an error.
    private static let depthMax = 5

    /// Reads a value that is or contains an error.
    ///
    /// Inner members are read first. A part of the error that is already known, such as its message, is not
    /// overwritten, so inner members take precedence.
    mutating func read(_ value: JSONValue, depth: Int) {
        guard depth < Self.depthMax else { return }
        switch value {
        case .string(let text): if message == nil, !text.isEmpty { message = text }
        case .array(let values): if let first = values.first { read(first, depth: depth + 1) }
        case .object: readObject(value, depth: depth)
        case .null, .bool, .integer, .double: break
        }
    }

    private mutating func readObject(_ value: JSONValue, depth: Int) {
        readException(value, depth: depth)
        for key in ["error", "response", "choices", "finish_reason", "fault", "base_resp"] {
            switch (key, value[key]) {
            case ("response", let response?): response["error"].map { read($0, depth: depth + 1) }
            case ("finish_reason", .string): break
            case (_, let inner?): read(inner, depth: depth + 1)
            case (_, nil): break
            }
        }
        readHints(value)
        for key in ["code", "error_code", "status", "status_code", "statusCode", "raw_status_code", "http_status_code"]
        {
            value[key].map { readCode($0) }
        }
        for key in ["type", "error_type", "__type", "errorType"] where type == nil {
            guard let text = value[key]?.string, !text.isEmpty, !Self.isNoErrorType(text) else { continue }
            // AWS writes a namespace before the name: `com.amazon#ThrottlingException`.
            type = text.split(separator: "#").last.map(String.init)
        }
        readMessage(value, depth: depth)
        if param == nil { param = value["param"]?.string }
    }

    /// Whether a `type` says nothing about the error, because it names an event or a problem document (RFC 9457).
    private static func isNoErrorType(_ text: String) -> Bool {
        text == "error" || text == "message" || text == "about:blank" || text.hasPrefix("response.")
            || text.contains("://")
    }

    private mutating func readMessage(_ value: JSONValue, depth: Int) {
        if let reason = value["msg"]?.string, message == nil {
            // FastAPI reports the reason in `msg` and the path to the faulty member in `loc`.
            let location = value["loc"]?.array?.map { $0.string ?? $0.integer.map(String.init) ?? "" }
            if let location, !location.isEmpty {
                let path = location.joined(separator: ".")
                message = path + ": " + reason
                if param == nil { param = path }
            } else {
                message = reason
            }
        }
        for key in [
            "message", "detail", "error_description", "error_message", "errorMessage", "error_msg", "status_msg",
            "faultstring", "errors", "title",
        ] where message == nil {
            value[key].map { read($0, depth: depth + 1) }
        }
        // LMDeploy reports its message in `text`. Without an `error_code`, the `text` is output of the model.
        if message == nil, value["error_code"] != nil { message = value["text"]?.string }
    }

    /// Reads the shape of AWS, where the name of a member is the type: `{"throttlingException":{"message":"Wait"}}`.
    private mutating func readException(_ value: JSONValue, depth: Int) {
        guard case .object(let members) = value else { return }
        for member in members where member.key.hasSuffix("Exception") {
            guard case .object = member.value else { continue }
            read(member.value, depth: depth + 1)
            if type == nil { type = member.key }
        }
    }

    private mutating func readCode(_ value: JSONValue) {
        if let found = value.integer ?? value.string.flatMap({ Int($0) }) {
            if (400...599).contains(found) {
                namedStatus = namedStatus ?? found
            } else if found != 0 {
                keep(code: String(found))
            }
        } else if let word = value.string, !word.isEmpty, !["error", "failed", "fail"].contains(word) {
            keep(code: word)
        }
    }

    private mutating func keep(code word: String) {
        if code == nil { code = word }
    }

    /// The JSON values that may contain the time to wait or the error's code, in order of precedence.
    ///
    /// The first value is the error itself. The others are its members `metadata`, `headers` and `details`, and the
    /// member `headers` of `metadata`.
    private static func hintSources(of value: JSONValue) -> [JSONValue] {
        var sources = [value]
        for key in ["metadata", "headers", "details"] {
            switch value[key] {
            case .object?: sources.append(value[key] ?? .null)
            case .array(let values)?: sources += values.prefix(16)
            default: break
            }
        }
        if let headers = value["metadata"]?["headers"] { sources.append(headers) }
        return sources
    }

    /// Reads the time to wait before another request, and the codes that gateways add to the error.
    private mutating func readHints(_ value: JSONValue) {
        for source in Self.hintSources(of: value) {
            guard case .object(let members) = source else { continue }
            // OpenRouter adds `error_type` to a code that is a number.
            if let word = source["error_type"]?.string, code == nil { code = word }
            // Google's `reason` in `details` is more specific than Google's `code`.
            if let reason = source["reason"]?.string, code == nil, source["@type"] != nil { code = reason }
            // Anthropic adds `error_code` in `details`.
            if let word = source["error_code"]?.string, code == nil { code = word }
            guard retryAfterMs == nil else { continue }
            retryAfterMs = RetryAfter.milliseconds { name in
                let found = members.first { $0.key.lowercased().replacing("_", with: "-") == name }?.value
                return found?.string ?? found?.double.map { "\($0)" }
            }
        }
    }
}

extension EngineError {
    // MARK: Shapes that occur only in responses with status 200

    /// Reads an error from a document or an event of a response with status 200.
    ///
    /// If the document has one of the formats that `unusual(in:)` knows, `document` becomes a new document in OpenAI's
    /// format, which has only the message, the type and the code of the error. The error is read from the new document;
    /// a status or a time to wait that only the old document names is kept. The document of a response with an error
    /// status is never replaced.
    init(inAnswer body: Span<UInt8>, isBare: Bool = false) {
        self.init(body: body, isBare: isBare)
        guard case .bytes(_, let value)? = document, let found = Self.unusual(in: value) else { return }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        if let message = found.message { writer.field("message", message) }
        if let type = found.type { writer.field("type", type) }
        if let code = found.code { writer.field("code", code) }
        writer.endObject()
        writer.endObject()
        let plain = self
        self.init(body: writer.bytes.span)
        namedStatus = namedStatus ?? plain.namedStatus
        retryAfterMs = retryAfterMs ?? plain.retryAfterMs
    }

    /// The parts of an error that OpenAI's error document can hold.
    private struct Parts {
        var message: String?
        var type: String?
        var code: String?
    }

    /// Finds an error in a document that has one of the unusual formats below, such as MiniMax's; nil for any other
    /// document.
    private static func unusual(in value: JSONValue) -> Parts? {
        guard case .object(let members) = value else { return nil }
        // The shape of MiniMax: every response has `base_resp`, whose `status_code` is 0 if there is no error.
        if let status = value["base_resp"], let number = status["status_code"]?.integer, number != 0 {
            return Parts(message: status["status_msg"]?.string, type: miniMaxType(number), code: "\(number)")
        }
        // The shapes of Tencent, of other cloud providers, and of Apigee.
        if let error = value["Response"]?["Error"] ?? value["Error"] ?? value["fault"] { return parts(of: error) }
        // The shape of Groq.
        if let error = value["x_groq"]?["error"] { return parts(of: error) }
        // The shape of Bedrock, in which the name of the member is the type.
        if let exception = members.first(where: { $0.key.hasSuffix("Exception") }) {
            var found = parts(of: exception.value)
            found.type = exception.key
            return found
        }
        // If the document has no member in which `read(_:depth:)` looks for a message, its top-level members may be the
        // parts of the error.
        let known = ["message", "msg", "detail", "error", "errors", "response", "error_message", "error_description"]
        guard !known.contains(where: { value[$0] != nil && value[$0] != .null }) else { return nil }
        let own = parts(of: value)
        return own.message == nil ? nil : own
    }

    /// Reads the parts of an error from an object, under the names that cloud providers give them.
    private static func parts(of value: JSONValue) -> Parts {
        func first(_ names: [String]) -> String? {
            for name in names {
                if let text = value[name]?.string, !text.isEmpty { return text }
                if let number = value[name]?.integer { return String(number) }
            }
            return nil
        }
        let texts = [
            "message", "Message", "faultstring", "errorMessage", "error_msg", "errmsg", "err_msg", "exception",
        ]
        return Parts(
            message: value.string ?? first(texts),
            type: first(["type", "Type", "errorType", "error_type"]),
            code: first(["code", "Code", "errorCode", "error_code", "errcode", "err_code", "status"])
                ?? value["detail"]?["errorcode"]?.string
        )
    }

    /// The error type that other engines use for the error with this code of MiniMax; nil for an unknown code.
    private static func miniMaxType(_ number: Int) -> String? {
        switch number {
        case 1002: "rate_limit_error"
        case 1004, 2049: "authentication_error"
        case 1008: "insufficient_balance"
        case 1026, 1027: "content_filter"
        case 1039: "context_length_exceeded"
        case 2013: "invalid_request_error"
        default: nil
        }
    }
}
