// The prompt of a request, reduced to hashes and token counts.
internal import Inference

/// The prompts of one request, read from any dialect.
struct Prompt {
    /// The hash of each prompt.
    ///
    /// Requests for completions and embeddings can have several prompts.
    private(set) var keys: [UInt64] = []
    /// How many tokens all prompts have together, at least 1.
    private(set) var tokens = 0
    /// How many tokens the request's last message has if the response continues this message; otherwise 0.
    ///
    /// Only an assistant message is continued.
    private(set) var start = 0

    /// Reads the prompts of a request body.
    ///
    /// - Throws: the error response if the prompt is missing or invalid.
    init(_ endpoint: ModelEndpoint, _ body: JSONValue) throws(Refusal) {
        switch endpoint {
        case .chat: try readChat(body)
        case .messages, .countTokens: try readMessages(body)
        case .completions: readInputs(body["prompt"])
        case .embeddings: readInputs(body["input"])
        case .rerank:
            guard body["documents"]?.array != nil else {
                throw Refusal(status: 400, message: "documents is missing", parameter: "documents")
            }
            readInputs(body["documents"])
            tokens += Vocabulary.count(body["query"]?.string ?? "")
        case .responses: readResponses(body)
        }
        guard !keys.isEmpty else { throw Refusal(status: 400, message: "the prompt is missing") }
        tokens = max(1, tokens)
    }

    private mutating func readChat(_ body: JSONValue) throws(Refusal) {
        guard var messages = body["messages"]?.array, !messages.isEmpty else {
            throw Refusal(status: 400, message: "messages is missing", parameter: "messages")
        }
        if body["continue_final_message"]?.bool == true {
            guard body["add_generation_prompt"]?.bool != true else {
                let message = "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
                throw Refusal(status: 400, message: message)
            }
            continueLast(of: &messages)
        }
        readTurns(messages, hash: Hash())
    }

    /// Reads the messages of Anthropic's API.
    ///
    /// A trailing assistant message is always continued.
    private mutating func readMessages(_ body: JSONValue) throws(Refusal) {
        guard var messages = body["messages"]?.array, !messages.isEmpty else {
            throw Refusal(status: 400, message: "messages: Field required", type: "invalid_request_error")
        }
        continueLast(of: &messages)
        var hash = Hash()
        if let system = body["system"] { read(Self.text(system), into: &hash) }
        readTurns(messages, hash: hash)
    }

    private mutating func readResponses(_ body: JSONValue) {
        var hash = Hash()
        if let instructions = body["instructions"]?.string { read(instructions, into: &hash) }
        switch body["input"] {
        case .string(let text):
            read(text, into: &hash)
            keys = [hash.value]
        case .array(let items): readTurns(items, hash: hash)
        default: return
        }
    }

    /// Removes a trailing assistant message from `messages`, and counts its tokens in `start`.
    private mutating func continueLast(of messages: inout [JSONValue]) {
        guard let last = messages.last, last["role"]?.string == "assistant" else { return }
        start = Vocabulary.count(Self.text(last["content"] ?? .null))
        tokens += start
        messages.removeLast()
    }

    private mutating func readTurns(_ messages: [JSONValue], hash: Hash) {
        var hash = hash
        for message in messages {
            hash.add(message["role"]?.string ?? "")
            read(Self.text(message["content"] ?? .null), into: &hash)
        }
        keys = [hash.value]
    }

    private mutating func read(_ text: String, into hash: inout Hash) {
        hash.add(text)
        tokens += Vocabulary.count(text)
    }

    /// Reads a string, an array of token ids, or an array whose elements are strings or arrays of token ids.
    private mutating func readInputs(_ input: JSONValue?) {
        switch input {
        case .string(let text): readInput(.string(text))
        case .array(let values):
            if let first = values.first, first.integer != nil {
                readInput(.array(values))
            } else {
                for value in values { readInput(value) }
            }
        default: return
        }
    }

    private mutating func readInput(_ input: JSONValue) {
        var hash = Hash()
        if let ids = input.array {
            for id in ids { hash.add(id.integer ?? 0) }
            tokens += ids.count
        } else {
            read(input.string ?? input["text"]?.string ?? "", into: &hash)
        }
        keys.append(hash.value)
    }

    /// The text of a message's content, which is a string or an array of parts with a member `text`.
    private static func text(_ content: JSONValue) -> String {
        if let text = content.string { return text }
        return (content.array ?? []).map { $0["text"]?.string ?? "" }.joined()
    }
}
