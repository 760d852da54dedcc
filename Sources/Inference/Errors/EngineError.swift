// An error in an engine's own words, before anything is concluded from it: the body of an answer, an event, or a line.

/// What an engine said of an error.
///
/// Engines tell errors in many shapes. All of them come to this value, and `classified(in:)` says what it means.
package struct EngineError: Equatable, Sendable {
    /// The status of the answer that carried it; nil where that was a 200.
    package var status: Int?
    /// The status that the error itself names, as a number or as digits: 400...599.
    package var number: Int?
    package var type: String?
    /// The code, where it is a word.
    package var code: String?
    package var param: String?
    /// At most `messageMax` bytes of it.
    package var message: String?
    /// How long the engine asks to be left alone, in milliseconds; see `RetryAfter.bounds`.
    package var pause: Int?
    /// The JSON that told it, whole; nil where it was none.
    package private(set) var document: JSONBody?

    /// The most that is read of an error, in bytes; an answer or an event may have more.
    package static let bodyMax = 64 << 10
    /// The most that is kept of its message, in bytes.
    package static let messageMax = 8 << 10
    /// The most that is kept of its type, its code and its parameter, in bytes.
    private static let wordMax = 256
    /// How deep errors are looked for inside of others.
    private static let depthMax = 5

    /// JSON as it came, by reference: an error that is kept is small.
    package indirect enum JSONBody: Equatable, Sendable {
        case bytes([UInt8], JSONValue)
    }

    package init(
        status: Int? = nil,
        number: Int? = nil,
        type: String? = nil,
        code: String? = nil,
        param: String? = nil,
        message: String? = nil,
        pause: Int? = nil
    ) {
        self.status = status
        self.number = number
        self.type = type
        self.code = code
        self.param = param
        self.message = message
        self.pause = pause
    }

    /// Reads the body of an answer, or an event of a stream.
    ///
    /// - Parameters:
    ///   - status: The status of the answer; nil for a 200.
    ///   - body: Only its first `bodyMax` bytes are read, as far as they go.
    ///   - isBare: Of an event, the error stands in a line that is no `data`.
    package init(status: Int? = nil, body: Span<UInt8>, isBare: Bool = false) {
        self.status = status
        let bytes = EventLines.text(of: body.extracting(first: Self.bodyMax), isBare: isBare)
        guard let first = bytes.first else { return }
        if let value = JSONValue(parsing: bytes) {
            if body.count <= Self.bodyMax { document = .bytes(bytes, value) }
            read(value, depth: 0)
        } else if let value = JSONValue(parsingCut: bytes) {
            read(value, depth: 0)
        } else if first != UInt8(ascii: "<"), bytes.count <= Self.messageMax {
            // A page of HTML is no message.
            message = String(validating: bytes, as: UTF8.self)
        }
        shorten()
        if pause == nil { pause = message.flatMap { RetryAfter.milliseconds(in: $0) } }
    }

    private mutating func shorten() {
        func first(_ count: Int, of text: String?) -> String? {
            guard let text, text.utf8.count > count else { return text }
            var bytes = Array(text.utf8.prefix(count))
            // No half of a character.
            while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
            if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
            return String(decoding: bytes, as: UTF8.self)
        }
        message = first(Self.messageMax, of: message)
        type = first(Self.wordMax, of: type)
        code = first(Self.wordMax, of: code)
        param = first(Self.wordMax, of: param)
    }

    // MARK: The shapes of errors

    /// What stands further inside counts more: it is read first, and what is known already stays.
    private mutating func read(_ value: JSONValue, depth: Int) {
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
            // Of AWS, a name after its namespace.
            type = text.split(separator: "#").last.map(String.init)
        }
        readMessage(value, depth: depth)
        if param == nil { param = value["param"]?.string }
    }

    /// The type of an event, or of a problem (RFC 9457) that has none.
    private static func isNoErrorType(_ text: String) -> Bool {
        text == "error" || text == "message" || text == "about:blank" || text.hasPrefix("response.")
            || text.contains("://")
    }

    private mutating func readMessage(_ value: JSONValue, depth: Int) {
        if let reason = value["msg"]?.string, message == nil {
            // Of FastAPI: what is wrong, and where.
            let place = value["loc"]?.array?.map { $0.string ?? $0.integer.map(String.init) ?? "" }
            if let place, !place.isEmpty {
                let path = place.joined(separator: ".")
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
        // LMDeploy's; elsewhere a text is what a model has said.
        if message == nil, value["error_code"] != nil { message = value["text"]?.string }
    }

    /// AWS names an event after what went wrong: `{"throttlingException":{"message":"..."}}`.
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
            if (400...599).contains(found) { number = number ?? found } else if found != 0 { keep(code: String(found)) }
        } else if let word = value.string, !word.isEmpty, !["error", "failed", "fail"].contains(word) {
            keep(code: word)
        }
    }

    private mutating func keep(code word: String) {
        if code == nil { code = word }
    }

    /// When to come back, and Google's reason, which says more than its code.
    private mutating func readHints(_ value: JSONValue) {
        var sources = [value]
        for key in ["metadata", "headers", "details"] {
            switch value[key] {
            case .object?: sources.append(value[key] ?? .null)
            case .array(let values)?: sources += values.prefix(16)
            default: break
            }
        }
        if let headers = value["metadata"]?["headers"] { sources.append(headers) }
        for source in sources {
            guard case .object(let members) = source else { continue }
            // OpenRouter's word, beside a number.
            if let word = source["error_type"]?.string, code == nil { code = word }
            if let reason = source["reason"]?.string, code == nil, source["@type"] != nil { code = reason }
            // Anthropic's, in `details`.
            if let word = source["error_code"]?.string, code == nil { code = word }
            guard pause == nil else { continue }
            pause = RetryAfter.milliseconds { name in
                let found = members.first { $0.key.lowercased().replacing("_", with: "-") == name }?.value
                return found?.string ?? found?.double.map { "\($0)" }
            }
        }
    }
}
