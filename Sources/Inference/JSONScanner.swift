// The scanner of a worker: simdjson with its memory, for bodies, events and JSON answers.

import CJSON

/// What a scan of an event or of a JSON answer found.
package struct AnswerScan: Equatable, Sendable {
    package var hasData = false
    /// The payload is empty, or only space.
    package var isBlank = false
    /// The payload is one whole JSON document, as lenient readers read it; what else is told here, but for an error, is told by a valid one.
    package var isValid = false
    /// The payload is `[DONE]`, or begins so.
    package var isDone = false
    /// An event has an `id` or `retry` line, which readers of events keep.
    package var hasOtherFields = false
    package var hasChoices = false
    package var hasEmptyChoices = false
    package var hasText = false
    /// Bit i is set when choice i has a `finish_reason` that is not empty.
    package var finished: UInt64 = 0
    /// Bit i is set when choice i has one that is null or empty.
    package var unfinished: UInt64 = 0
    /// The first finish or stop reason that is not empty.
    package var finishReason: String?
    /// A reason is one of an attempt that broke, such as `abort` or `error`.
    package var isBroken = false
    /// A message has a `stop_reason` that is null or empty.
    package var hasNoStopReason = false
    package var hasUsage = false
    package var tokens = TokenCounts()
    /// The document has a member by which a whole answer is known: of embeddings, of a message, of a response.
    package var hasEmbeddings = false
    package var hasMessage = false
    package var hasResponse = false
    /// The `event:` line, or else the top-level `type`.
    package var type = ""
    package var error: EngineError?
    /// The error stands in a line that readers of events do not see.
    package var isErrorBare = false

    package init() {}

    /// The JSON answer is one that broke: it ended by an abort, or says itself that it has no reason to have ended.
    ///
    /// A completion without a member for the reason is whole: small engines leave it out. A message is not: Anthropic's API
    /// always has it in a whole answer, and vLLM leaves it out where it has aborted.
    package func isBroken(in dialect: Dialect) -> Bool {
        if isBroken { return true }
        return switch dialect {
        case .openAIChat, .completions: unfinished & ~finished != 0
        case .messages: type == "message" && finishReason == nil
        case .responses, .embeddings, .countTokens, .tokenize, .rerank, .other: false
        }
    }

    /// The document is an answer of the dialect: an object with a member that no answer of it lacks.
    ///
    /// In the other dialects an answer is any document: an array, a number.
    package func isAnswer(in dialect: Dialect) -> Bool {
        switch dialect {
        case .openAIChat, .completions: hasChoices
        case .embeddings: hasEmbeddings
        case .messages: hasMessage
        case .responses: hasResponse
        case .countTokens, .tokenize, .rerank, .other: isValid
        }
    }

    /// The event says nothing to a client of the dialect, so that an error may still follow as if it were the first.
    func saysNothing(in dialect: Dialect) -> Bool {
        switch dialect {
        case .openAIChat, .completions: !hasUsage && (!hasChoices || hasEmptyChoices)
        case .messages: type.isEmpty || type == "ping"
        case .responses: type.isEmpty
        case .embeddings, .countTokens, .tokenize, .rerank, .other: isBlank
        }
    }
}

@safe package final class JSONScanner {
    private let parser: OpaquePointer

    package init() { unsafe parser = cjson_parser_new() }
    deinit { unsafe cjson_parser_free(parser) }

    /// The bytes held between scans; at most 1 MiB.
    package var memory: Int { unsafe cjson_parser_memory(parser) }
    /// What the scan of so long a body takes, beyond the body.
    package static func memoryForScan(of length: Int) -> Int { max(length, 131_072) * 17 / 3 }

    /// Reads a whole request body.
    package func scanRequest(
        _ body: RequestBody,
        dialect: Dialect = .openAIChat
    ) throws(RequestScanError) -> RequestScan {
        var found = unsafe cjson_request()
        let status = unsafe body.withPaddedBytes { bytes in
            unsafe cjson_scan_request(
                parser,
                bytes.baseAddress,
                bytes.count,
                bytes.count + RequestBody.padding,
                Self.wanted(dialect),
                &found
            )
        }
        defer { unsafe cjson_parser_trim(parser) }
        if let error = unsafe Self.error(status, key: found.key) { throw error }
        guard let model = unsafe found.model.string, !model.isEmpty else { throw .missingModel }
        if let error = unsafe Self.countError(found) { throw error }
        var scan = unsafe RequestScan(
            model: model,
            rawModel: found.raw_model.range,
            objectStart: found.object,
            stream: found.stream,
            streamOptions: Self.streamOptions(found),
            maxTokens: Self.maxTokens(found),
            n: found.n.present ? Int(found.n.value) : 1,
            bestOf: found.best_of.present ? Int(found.best_of.value) : 1,
            prompts: max(1, found.prompts)
        )
        scan.media = unsafe RequestMedia(found.media)
        return scan
    }

    /// Reads one whole event, up to and with its blank line.
    package func scanEvent(_ event: Span<UInt8>) -> AnswerScan {
        var found = unsafe cjson_event()
        unsafe event.withUnsafeBufferPointer { unsafe cjson_scan_event(parser, $0.baseAddress, $0.count, &found) }
        defer { unsafe cjson_parser_trim(parser) }
        var scan = unsafe AnswerScan(found)
        let name = unsafe found.name.string
        if unsafe found.error || name == "error" || name == "response.failed" {
            scan.isErrorBare = unsafe found.is_bare
            scan.error = EngineError(inAnswer: event, isBare: scan.isErrorBare)
        }
        return scan
    }

    /// Reads a JSON answer: its usage, its finish reasons or its error.
    package func scanAnswer(_ json: Span<UInt8>) -> AnswerScan {
        guard !json.isEmpty else { return AnswerScan() }
        var found = unsafe cjson_event()
        unsafe json.withUnsafeBufferPointer { unsafe cjson_scan_payload(parser, $0.baseAddress, $0.count, &found) }
        defer { unsafe cjson_parser_trim(parser) }
        var scan = unsafe AnswerScan(found)
        if unsafe found.error { scan.error = EngineError(inAnswer: json) }
        return scan
    }

    /// The keys that a dialect gives the meaning that we read.
    private static func wanted(_ dialect: Dialect) -> UInt32 {
        var keys = CJSON_KEY_MODEL.rawValue | CJSON_KEY_STREAM.rawValue
        if dialect == .completions { keys |= CJSON_KEY_PROMPT.rawValue | CJSON_KEY_BEST_OF.rawValue }
        switch dialect {
        case .openAIChat, .completions:
            keys |= CJSON_KEY_STREAM_OPTIONS.rawValue | CJSON_KEY_N.rawValue
            keys |= CJSON_KEY_MAX_TOKENS.rawValue | CJSON_KEY_MAX_COMPLETION_TOKENS.rawValue
        case .responses: keys |= CJSON_KEY_MAX_OUTPUT_TOKENS.rawValue
        case .messages: keys |= CJSON_KEY_MAX_TOKENS.rawValue
        case .embeddings, .countTokens, .tokenize, .rerank, .other: break
        }
        return keys
    }

    private static func error(_ status: cjson_status, key: cjson_key) -> RequestScanError? {
        switch status {
        case CJSON_OK: nil
        case CJSON_NOT_OBJECT: .notAnObject
        case CJSON_TRAILING: .trailingContent
        case CJSON_DUPLICATE: .duplicate(name(key).key)
        case CJSON_FOLDED: .ambiguous(name(key).key)
        case CJSON_WRONG_TYPE: .wrongType(name(key).key, expected: name(key).type)
        case CJSON_TOO_LONG: .tooLong(name(key).key, limit: Int(CJSON_MODEL_MAX))
        default: .invalidJSON
        }
    }

    /// A limit on tokens of -1 is none: llama.cpp and its clients write it so.
    private static func countError(_ found: cjson_request) -> RequestScanError? {
        let limit = "0 or more, or -1 for no limit"
        if unsafe found.max_tokens.isBelow(-1) { return .tooSmall("max_tokens", expected: limit) }
        if unsafe found.max_completion_tokens.isBelow(-1) { return .tooSmall("max_completion_tokens", expected: limit) }
        if unsafe found.max_output_tokens.isBelow(-1) { return .tooSmall("max_output_tokens", expected: limit) }
        if unsafe found.n.isBelow(1) { return .tooSmall("n", expected: "1 or more") }
        return unsafe found.best_of.isBelow(0) ? .tooSmall("best_of", expected: "0 or more") : nil
    }

    /// An engine that knows one of the names only goes by that one: so the largest counts.
    private static func maxTokens(_ found: cjson_request) -> Int? {
        let most = unsafe max(found.max_tokens.limit, found.max_completion_tokens.limit, found.max_output_tokens.limit)
        return most < 0 ? nil : most
    }

    private static func name(_ key: cjson_key) -> (key: String, type: String) {
        switch key {
        case CJSON_KEY_MODEL: ("model", "a string")
        case CJSON_KEY_STREAM: ("stream", "a boolean")
        case CJSON_KEY_STREAM_OPTIONS: ("stream_options", "an object")
        case CJSON_KEY_INCLUDE_USAGE: ("stream_options.include_usage", "a boolean")
        case CJSON_KEY_MAX_TOKENS: ("max_tokens", "an integer")
        case CJSON_KEY_MAX_COMPLETION_TOKENS: ("max_completion_tokens", "an integer")
        case CJSON_KEY_MAX_OUTPUT_TOKENS: ("max_output_tokens", "an integer")
        case CJSON_KEY_BEST_OF: ("best_of", "an integer")
        case CJSON_KEY_PROMPT: ("prompt", "a text or a list")
        default: ("n", "an integer")
        }
    }

    private static func streamOptions(_ found: cjson_request) -> RequestScan.StreamOptions {
        switch unsafe found.stream_options {
        case CJSON_ABSENT: return .absent
        case CJSON_NULL: return unsafe .null(found.raw_stream_options.range)
        default: break
        }
        let raw = unsafe found.raw_include_usage.range
        let usage: RequestScan.IncludeUsage =
            switch unsafe found.include_usage {
            case CJSON_ABSENT: .absent
            case CJSON_NULL: .null(raw)
            case CJSON_FALSE: .no(raw)
            default: .yes
            }
        return unsafe .object(
            open: found.raw_stream_options.offset,
            isEmpty: found.stream_options_empty,
            includeUsage: usage
        )
    }
}

extension RequestMedia {
    fileprivate init(_ found: cjson_media) {
        self.init()
        images = found.images
        references = found.references
        audioBytes = found.audio_bytes
        rawAudioBytes = found.raw_audio_bytes
        videoBytes = found.video_bytes
        fileBytes = found.file_bytes
        textBytes = found.text_bytes
        rawBytes = found.raw_bytes
    }
}

extension AnswerScan {
    fileprivate init(_ found: cjson_event) {
        unsafe hasData = found.has_data
        unsafe isBlank = found.blank
        unsafe isValid = found.valid
        unsafe hasChoices = found.has_choices
        unsafe hasEmptyChoices = found.empty_choices
        unsafe hasText = found.has_text
        unsafe isDone = found.done
        unsafe hasOtherFields = found.other_fields
        unsafe finished = found.finished
        unsafe unfinished = found.unfinished
        unsafe isBroken = found.broken
        unsafe hasNoStopReason = found.no_stop_reason
        unsafe finishReason = found.finish_reason.string.map { String(decoding: $0.utf8.prefix(32), as: UTF8.self) }
        unsafe hasUsage = found.has_usage
        unsafe tokens.input = found.prompt_tokens.tokens
        unsafe tokens.output = found.completion_tokens.tokens
        unsafe tokens.total = found.total_tokens.tokens
        unsafe tokens.cacheRead = found.cache_read_tokens.tokens
        unsafe tokens.cacheCreation = found.cache_creation_tokens.tokens
        unsafe tokens.cached = found.cached_tokens.tokens
        unsafe tokens.reasoning = found.reasoning_tokens.tokens
        unsafe hasEmbeddings = found.has_embeddings
        unsafe hasMessage = found.has_message
        unsafe hasResponse = found.has_response
        if isValid { unsafe type = found.type.string ?? found.name.string ?? "" }
    }
}

extension cjson_integer {
    fileprivate func isBelow(_ least: Int64) -> Bool { present && value < least }
    /// -1 where there is none.
    fileprivate var limit: Int { present ? Int(value) : -1 }
    fileprivate var tokens: TokenCount { present ? TokenCount(Int(value)) : TokenCount() }
}

extension cjson_range {
    fileprivate var range: Range<Int> { offset..<offset + length }
}

extension cjson_text {
    fileprivate var string: String? {
        guard let start = unsafe bytes else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
    }
}
