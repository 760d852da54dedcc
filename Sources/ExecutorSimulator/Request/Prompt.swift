// Reduces the prompt of a request to a hash, from which the simulator makes its answer, and to a number of tokens.
internal import Inference

/// The prompts of one request, in whatever dialect it was sent.
struct Prompt {
    /// The hash of each prompt, from which the simulator computes the words of the answer.
    ///
    /// Requests for completions, embeddings or reranking can have several prompts.
    private(set) var keys: [UInt64] = []
    /// The number of tokens of all prompts together, at least 1.
    private(set) var tokens = 0
    /// The number of tokens in the request's last message, if the response continues that message; otherwise 0.
    ///
    /// Only a message of the assistant can be continued.
    private(set) var start = 0

    /// Reads the prompts from the body of a request.
    ///
    /// - Throws: the error response for the client if the prompt is missing or invalid.
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

    /// Reads the messages of a request in Anthropic's dialect.
    ///
    /// If the last message is the assistant's, the response always continues it.
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

    /// Removes the last message if it is the assistant's, and puts its number of tokens into `start`.
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

    /// Reads the prompts of a request for completions or embeddings, or the documents of a request for reranking.
    ///
    /// The input is a string, an array of token ids, or an array whose elements are strings, arrays of token ids, or
    /// objects with a member `text`.
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
