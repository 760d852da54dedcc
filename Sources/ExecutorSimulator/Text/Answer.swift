// The form that an answer takes in its dialect.
internal import Inference

/// What every form says of the answer.
struct AnswerFacts {
    var id: String
    var created: Int
    var model: String
    var choices: Int
    var includesUsage: Bool
    var promptTokens: Int
    var endsByLength: Bool
    var isAborted = false
    var hasNoReason = false

    /// As chat and completions have it.
    var finishReason: String? { hasNoReason ? nil : isAborted ? "abort" : endsByLength ? "length" : "stop" }
}

/// An error that an executor reports inside a stream.
struct StreamFault {
    var status: Int
    var type: String
    var message: String

    /// SGLang says so in the first event of a stream that its queue has no room for.
    static let queueFull = StreamFault(
        status: 503,
        type: "SERVICE_UNAVAILABLE",
        message: "The request queue is full."
    )
    static let tooLong = StreamFault(
        status: 400,
        type: "invalid_request_error",
        message: "The prompt is too long for the engine at 10.0.0.5:8000."
    )
    static let engineFailed = StreamFault(
        status: 500,
        type: "InternalServerError",
        message: "EngineCore encountered an issue. See stack trace for the root cause."
    )
}

/// A dialect's events and bodies.
///
/// Events end in an empty line; their lines in LF.
protocol AnswerForm {
    init(_ facts: AnswerFacts)
    /// The events before the first token.
    func opening() -> [[UInt8]]
    func token(choice: Int) -> EventTemplate
    /// The events after the last token; the last one ends the stream.
    func closing(texts: [String], tokens: Int, number: Int) -> [[UInt8]]
    func failure(_ fault: StreamFault, number: Int) -> [[UInt8]]
    /// The answer when it is not streamed.
    func whole(texts: [String], tokens: Int) -> [UInt8]
}

extension ModelEndpoint {
    func form(_ facts: AnswerFacts) -> any AnswerForm {
        switch self {
        case .completions: CompletionsForm(facts)
        case .responses: ResponsesForm(facts)
        case .messages: MessagesForm(facts)
        default: ChatForm(facts)
        }
    }
}

enum Events {
    static let done = Array("data: [DONE]\n\n".utf8)

    static func data(_ json: [UInt8]) -> [UInt8] { Array("data: ".utf8) + json + Array("\n\n".utf8) }
    static func named(_ name: String, _ json: [UInt8]) -> [UInt8] { Array("event: \(name)\n".utf8) + data(json) }
    /// An event of a dialect that repeats its name in `type`.
    static func typed(_ type: String, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        named(
            type,
            JSONText.object {
                $0.field("type", type)
                body(&$0)
            }
        )
    }

    static func withCRLF(_ event: [UInt8]) -> [UInt8] { event.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] } }
}

extension AnswerFacts {
    /// `usage` as the OpenAI API has it.
    func writeUsage(tokens: Int, to writer: inout JSONWriter) {
        writer.object("usage") {
            $0.field("prompt_tokens", promptTokens)
            $0.field("completion_tokens", tokens)
            $0.field("total_tokens", promptTokens + tokens)
        }
    }

    static func error(_ fault: StreamFault) -> [UInt8] {
        JSONText.object {
            $0.object("error") {
                $0.field("message", fault.message)
                $0.field("type", fault.type)
                $0.null("param")
                $0.field("code", fault.status)
            }
        }
    }
}
