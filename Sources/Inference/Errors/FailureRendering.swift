// Renders failures in the dialect of the client, as JSON bodies and as events inside of streams.

extension Failure {
    /// The body of the HTTP response, as JSON.
    package func body(_ dialect: Dialect, requestID: String) -> [UInt8] {
        if let document { return document }
        var writer = JSONWriter()
        if dialect.isAnthropic {
            writeAnthropic(to: &writer, requestID: requestID)
        } else {
            writer.beginObject()
            writer.key("error")
            writeOpenAI(to: &writer)
            writer.endObject()
        }
        return writer.bytes
    }

    /// The event that reports the failure inside of a stream, including its blank line.
    package func event(_ dialect: Dialect, stream: StreamIdentity, requestID: String) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        var lead = "data: "
        switch dialect {
        case .messages, .countTokens:
            lead = "event: error\ndata: "
            writeAnthropic(to: &writer, requestID: requestID)
        case .responses:
            lead = "event: response.failed\ndata: "
            writeResponse(to: &writer, stream: stream)
        case .openAIChat, .completions: writeChunk(to: &writer, dialect, stream: stream)
        case .embeddings, .tokenize, .rerank, .other:
            writer.beginObject()
            writer.key("error")
            writeOpenAI(to: &writer)
            writer.endObject()
        }
        return Array(lead.utf8) + writer.bytes + [0x0A, 0x0A]
    }

    /// The value of OpenAI's `error.type` for the status.
    package var type: String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 429: "rate_limit_error"
        case 408, 504: "timeout_error"
        case 400..<500: "invalid_request_error"
        case 503: "overloaded_error"
        default: "server_error"
        }
    }

    /// The value of Anthropic's `error.type` for the status.
    package var anthropicType: String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 408, 504: "timeout_error"
        case 400..<500: "invalid_request_error"
        case 503, 529: "overloaded_error"
        default: "api_error"
        }
    }

    private func writeAnthropic(to writer: inout JSONWriter, requestID: String) {
        writer.beginObject()
        writer.field("type", "error")
        writer.key("error")
        writer.beginObject()
        writer.field("type", anthropicType)
        writer.field("message", message)
        writer.endObject()
        writer.field("request_id", requestID)
        writer.endObject()
    }

    private func writeOpenAI(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("message", message)
        writer.field("type", type)
        writer.field("param", param)
        writer.field("code", code)
        writer.endObject()
    }

    /// Writes the failure as OpenRouter does: a chunk with the status as `error.code` and the finish reason `error`.
    private func writeChunk(to writer: inout JSONWriter, _ dialect: Dialect, stream: StreamIdentity) {
        let isChat = dialect == .openAIChat
        writer.beginObject()
        writer.field("id", stream.id)
        writer.field("object", isChat ? "chat.completion.chunk" : "text_completion")
        writer.field("created", stream.created)
        writer.field("model", stream.model)
        writer.key("error")
        writer.beginObject()
        writer.field("message", message)
        writer.field("type", type)
        writer.field("param", param)
        writer.field("code", status)
        writer.key("metadata")
        writer.beginObject()
        writer.field("error_type", label)
        writer.endObject()
        writer.endObject()
        writer.key("choices")
        writer.beginArray()
        writer.beginObject()
        writer.field("index", 0)
        if isChat {
            writer.key("delta")
            writer.beginObject()
            writer.field("content", "")
            writer.endObject()
        } else {
            writer.field("text", "")
        }
        writer.field("finish_reason", "error")
        writer.endObject()
        writer.endArray()
        writer.endObject()
    }

    /// Writes the event `response.failed`; its top-level `error` makes OpenAI's SDKs throw.
    private func writeResponse(to writer: inout JSONWriter, stream: StreamIdentity) {
        writer.beginObject()
        writer.field("type", "response.failed")
        writer.key("response")
        writer.beginObject()
        writer.field("id", stream.id)
        writer.field("object", "response")
        writer.field("created_at", stream.created)
        writer.field("model", stream.model)
        writer.field("status", "failed")
        writer.key("error")
        writer.beginObject()
        writer.field("code", status == 429 ? "rate_limit_exceeded" : "server_error")
        writer.field("message", message)
        writer.endObject()
        writer.key("output")
        writer.beginArray()
        writer.endArray()
        writer.endObject()
        writer.key("error")
        writeOpenAI(to: &writer)
        writer.endObject()
    }
}
