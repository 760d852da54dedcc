// Errors inside of good answers, in shapes that engines and gateways give them only there.

extension EngineError {
    /// Reads an error in a document or an event of an answer with a good status.
    ///
    /// What `EngineError` cannot read as it stands is first written as OpenAI would: then it is one error with one meaning.
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
        number = number ?? plain.number
        pause = pause ?? plain.pause
    }

    private struct Parts {
        var message: String?
        var type: String?
        var code: String?
    }

    private static func unusual(in value: JSONValue) -> Parts? {
        guard case .object(let members) = value else { return nil }
        if let status = value["base_resp"], let number = status["status_code"]?.integer, number != 0 {
            return Parts(message: status["status_msg"]?.string, type: miniMaxType(number), code: "\(number)")
        }
        if let error = value["Response"]?["Error"] ?? value["Error"] ?? value["fault"] { return parts(of: error) }
        if let error = value["x_groq"]?["error"] { return parts(of: error) }
        if let exception = members.first(where: { $0.key.hasSuffix("Exception") }) {
            var found = parts(of: exception.value)
            found.type = exception.key
            return found
        }
        let known = ["message", "msg", "detail", "error", "errors", "response", "error_message", "error_description"]
        guard !known.contains(where: { value[$0] != nil && value[$0] != .null }) else { return nil }
        let own = parts(of: value)
        return own.message == nil ? nil : own
    }

    /// The members of an error by the names that they have in the APIs of clouds.
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

    /// What MiniMax's numbers mean, as far as it is known, in a word that other engines have.
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
