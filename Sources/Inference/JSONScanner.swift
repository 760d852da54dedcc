// The JSON scanner for request bodies, events and JSON responses. Each worker has one, and so has the scan thread. A
// scanner uses simdjson, and keeps memory of one scan for the next.

import CJSON

/// Finds what the edge needs in JSON, without building a tree of all values.
///
/// One thread at a time may use a scanner.
@safe package final class JSONScanner {
    private let parser: OpaquePointer

    /// Makes a scanner, which has no memory for documents until its first scan.
    package init() { unsafe parser = cjson_parser_new() }
    deinit { unsafe cjson_parser_free(parser) }

    /// How many bytes of memory the scanner keeps for its next scan, at most 1 MiB.
    package var memory: Int { unsafe cjson_parser_memory(parser) }
    /// How many bytes of memory a scan of a body of `length` bytes takes, in addition to the body itself.
    package static func memoryForScan(of length: Int) -> Int { max(length, 131_072) * 17 / 3 }

    /// Reads the members of a request body that the edge needs.
    ///
    /// - Parameter names: the names of further members whose values are to be found, see `RequestScan.named`.
    /// - Throws: `RequestScanError` if the body is not valid, or if a member that the edge reads is not valid.
    package func scanRequest(
        _ body: RequestBody,
        dialect: Dialect = .openAIChat,
        naming names: MemberNames = MemberNames()
    ) throws(RequestScanError) -> RequestScan {
        var found = unsafe cjson_request()
        let status = unsafe body.withPaddedBytes { bytes in
            unsafe names.bytes.withUnsafeBytes { text in
                let text = unsafe text.assumingMemoryBound(to: CChar.self).baseAddress
                return unsafe cjson_scan_request(
                    parser,
                    bytes.baseAddress,
                    bytes.count,
                    bytes.count + RequestBody.padding,
                    Self.wanted(dialect),
                    cjson_names(bytes: text, count: names.count),
                    &found
                )
            }
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
        scan.contents = unsafe Self.contents(found.contents)
        scan.prompt = unsafe PromptParts(found.prompt)
        if unsafe found.billing.length > 0 { scan.billing = unsafe found.billing.range }
        if unsafe found.cache_salt.length > 0 { scan.cacheSalt = unsafe found.cache_salt.range }
        if unsafe found.previous_response.length > 0 { scan.previousResponse = unsafe found.previous_response.range }
        if names.count > 0 { scan.named = unsafe Self.named(found, count: names.count) }
        if unsafe found.priority_count > 0 { scan.priorities = unsafe Self.priorities(found) }
        return scan
    }

    /// Returns the ranges to leave out of a request body so that it has no member `priority`.
    private static func priorities(_ found: cjson_request) -> [Range<Int>] {
        unsafe withUnsafeBytes(of: found.priorities) { bytes in
            unsafe bytes.bindMemory(to: cjson_range.self).prefix(found.priority_count).map(\.range)
        }
    }

    /// Scans one whole server-sent event, including its blank line, for text, usage, finish reasons and errors.
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

    /// Scans a JSON response for its usage, its finish reasons and its error.
    package func scanAnswer(_ json: Span<UInt8>) -> AnswerScan {
        guard !json.isEmpty else { return AnswerScan() }
        var found = unsafe cjson_event()
        unsafe json.withUnsafeBufferPointer { unsafe cjson_scan_payload(parser, $0.baseAddress, $0.count, &found) }
        defer { unsafe cjson_parser_trim(parser) }
        var scan = unsafe AnswerScan(found)
        if unsafe found.error { scan.error = EngineError(inAnswer: json) }
        return scan
    }

    /// The members that the edge reads in request bodies of a dialect, as a set of `cjson_key` bits.
    private static func wanted(_ dialect: Dialect) -> UInt32 {
        var keys = CJSON_KEY_MODEL.rawValue | CJSON_KEY_STREAM.rawValue | promptKeys(dialect)
        if dialect == .completions { keys |= CJSON_KEY_BEST_OF.rawValue }
        switch dialect {
        case .openAIChat, .completions:
            keys |= CJSON_KEY_STREAM_OPTIONS.rawValue | CJSON_KEY_N.rawValue
            keys |= CJSON_KEY_MAX_TOKENS.rawValue | CJSON_KEY_MAX_COMPLETION_TOKENS.rawValue
        case .responses: keys |= CJSON_KEY_MAX_OUTPUT_TOKENS.rawValue
        case .messages: keys |= CJSON_KEY_MAX_TOKENS.rawValue
        case .countTokens, .embeddings, .tokenize, .rerank, .other: break
        }
        return keys
    }

    /// The positions of images and other media in a request body, in ascending order; nil if there are too many of
    /// them.
    private static func contents(_ found: cjson_contents) -> [Range<Int>]? {
        guard found.count > 0 else { return [] }
        guard found.count <= Int(CJSON_CONTENTS_MAX) else { return nil }
        return unsafe withUnsafeBytes(of: found.ranges) { bytes in
            let ranges = unsafe bytes.assumingMemoryBound(to: cjson_range.self).prefix(found.count)
            return unsafe ranges.map(\.range).sorted { $0.lowerBound < $1.lowerBound }
        }
    }

    /// The positions of the values of the members that `scanRequest` was asked to find by their names.
    ///
    /// A position is an empty range if the body does not have a string for the name. The result is an empty array if
    /// all positions would be empty.
    private static func named(_ found: cjson_request, count: Int) -> [Range<Int>] {
        unsafe withUnsafeBytes(of: found.named) { bytes in
            let ranges = unsafe bytes.assumingMemoryBound(to: cjson_range.self).prefix(count)
            return unsafe ranges.contains { $0.length > 0 } ? unsafe ranges.map(\.range) : []
        }
    }

    /// The members that make up the prompt in request bodies of a dialect, and those that decide which cached prompts
    /// an engine may use for this prompt.
    ///
    /// The result is a set of `cjson_key` bits.
    private static func promptKeys(_ dialect: Dialect) -> UInt32 {
        switch dialect {
        case .openAIChat:
            CJSON_KEY_TOOLS.rawValue | CJSON_KEY_MESSAGES.rawValue | CJSON_KEY_CACHE_SALT.rawValue
        case .completions: CJSON_KEY_PROMPT.rawValue | CJSON_KEY_CACHE_SALT.rawValue
        case .messages, .countTokens:
            CJSON_KEY_TOOLS.rawValue | CJSON_KEY_SYSTEM.rawValue | CJSON_KEY_MESSAGES.rawValue
                | CJSON_KEY_CACHE_SALT.rawValue
        case .responses:
            CJSON_KEY_TOOLS.rawValue | CJSON_KEY_INSTRUCTIONS.rawValue | CJSON_KEY_INPUT.rawValue
                | CJSON_KEY_CACHE_SALT.rawValue | CJSON_KEY_PREVIOUS_RESPONSE.rawValue
        case .embeddings, .tokenize, .rerank, .other: 0
        }
    }

    /// Converts the result code of the C scanner into an error; nil for success.
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

    /// Returns an error if a number in the request body is too small; nil if all numbers are in range.
    ///
    /// A token limit of -1 means no limit, as llama.cpp and its clients write it.
    private static func countError(_ found: cjson_request) -> RequestScanError? {
        let limit = "0 or more, or -1 for no limit"
        if unsafe found.max_tokens.isBelow(-1) { return .tooSmall("max_tokens", expected: limit) }
        if unsafe found.max_completion_tokens.isBelow(-1) { return .tooSmall("max_completion_tokens", expected: limit) }
        if unsafe found.max_output_tokens.isBelow(-1) { return .tooSmall("max_output_tokens", expected: limit) }
        if unsafe found.n.isBelow(1) { return .tooSmall("n", expected: "1 or more") }
        return unsafe found.best_of.isBelow(0) ? .tooSmall("best_of", expected: "0 or more") : nil
    }

    /// The largest number of tokens that the request allows for a response; nil if the request sets no limit.
    ///
    /// Three members can set the limit, such as `max_tokens`. An engine may know only one of them, so the largest of
    /// their values counts.
    private static func maxTokens(_ found: cjson_request) -> Int? {
        let most = unsafe max(found.max_tokens.limit, found.max_completion_tokens.limit, found.max_output_tokens.limit)
        return most < 0 ? nil : most
    }

    /// The name of a member of the request body, and the type that its value must have, for error messages.
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
        case CJSON_KEY_PRIORITY: ("priority", "an integer")
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

extension PromptParts {
    fileprivate init(_ found: cjson_prompt) {
        self.init(tools: found.tools.range, system: found.system.range, messages: found.messages.range)
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
        unsafe tokens.cached =
            found.cached_tokens.present ? found.cached_tokens.tokens : found.timings_cached_tokens.tokens
        unsafe tokens.reasoning = found.reasoning_tokens.tokens
        unsafe hasEmbeddings = found.has_embeddings
        unsafe hasMessage = found.has_message
        unsafe hasResponse = found.has_response
        unsafe responseID = found.response_id.string
        if isValid { unsafe type = found.type.string ?? found.name.string ?? "" }
    }
}

extension cjson_integer {
    fileprivate func isBelow(_ least: Int64) -> Bool { present && value < least }
    /// The value of a member that limits the tokens of a response; -1 if the request does not have it.
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
