// The prompts of a request of any dialect, as tokens and blocks, which the simulated prefix cache and prefill use.
internal import Inference

/// The tokens and the blocks of one request's prompts.
///
/// A prompt is read in the order in which an engine's template writes it: the model, the tools, the system prompt, the
/// messages. As in vLLM, prompts with different values of `cache_salt` have no block in common. Members named
/// `cache_control` are left out, because clients move them from message to message, and engines ignore them.
struct PromptBlocks {
    /// The blocks of each prompt: pieces with a fixed number of tokens, which the simulated cache stores.
    ///
    /// The array is empty for embeddings and rerank, which do not use the cache.
    let chains: [BlockChain]
    /// How many tokens all prompts have together, at least 1.
    let tokens: Int

    /// Reads the prompts of an accepted request.
    ///
    /// - Parameters:
    ///   - words: how many tokens the prompts have together; used only for prompts that are not split into blocks, such
    ///     as those of embeddings.
    ///   - blockSize: how many tokens a block has, at least 1.
    init(_ endpoint: ModelEndpoint, model: String, body: JSONValue, words: Int, blockSize: Int) {
        var prompt = BlockChain.Builder(blockSize: blockSize)
        prompt.mark(model)
        if let salt = body["cache_salt"]?.string { prompt.mark(salt) }
        switch endpoint {
        case .chat: chains = [Self.conversation(prompt, body, system: nil, messages: body["messages"])]
        case .messages, .countTokens:
            chains = [Self.conversation(prompt, body, system: body["system"], messages: body["messages"])]
        case .responses:
            chains = [Self.conversation(prompt, body, system: body["instructions"], messages: body["input"])]
        case .completions: chains = Self.inputs(body["prompt"]).map { Self.completion(prompt, $0) }
        case .embeddings, .rerank: chains = []
        }
        tokens = chains.isEmpty ? words : max(1, chains.reduce(0) { $0 + $1.tokens })
    }

    private static func conversation(
        _ beginning: BlockChain.Builder,
        _ body: JSONValue,
        system: JSONValue?,
        messages: JSONValue?
    ) -> BlockChain {
        var prompt = beginning
        if let tools = body["tools"], !tools.isNull { prompt.add(json: bytes(of: tools)) }
        if let system {
            prompt.mark("system")
            add(content: system, to: &prompt)
        }
        // The input of the responses API may be a single text in place of an array.
        for message in messages?.array ?? (messages.map { [$0] } ?? []) {
            prompt.mark(message["role"]?.string ?? "")
            add(message, to: &prompt)
        }
        return prompt.finished()
    }

    /// Adds a message, a part of a message, or another item of a conversation; its role, if it has one, is left out.
    ///
    /// If a part contains a text, only the text is added. So a message has the same tokens whether its content is a
    /// string or an array of parts.
    private static func add(_ item: JSONValue, to prompt: inout BlockChain.Builder) {
        guard case .object(let members) = item else {
            add(content: item, to: &prompt)
            return
        }
        if isMedia(item) {
            prompt.add(media: bytes(of: item))
            return
        }
        for member in members where !member.value.isNull {
            switch member.key {
            case "role", "cache_control": break
            case "type" where ["text", "input_text", "output_text", "message"].contains(member.value.string): break
            case "content", "text": add(content: member.value, to: &prompt)
            default: prompt.add(json: bytes(of: .object([member])))
            }
        }
    }

    /// Adds the content of a message: a text, or an array of parts.
    private static func add(content: JSONValue, to prompt: inout BlockChain.Builder) {
        switch content {
        case .string(let text): prompt.add(text: text)
        case .array(let parts): for part in parts { add(part, to: &prompt) }
        case .null: break
        default: prompt.add(json: bytes(of: content))
        }
    }

    private static func isMedia(_ part: JSONValue) -> Bool {
        switch part["type"]?.string {
        case "image", "image_url", "input_image", "input_audio", "audio_url", "video_url", "file", "input_file",
            "document":
            true
        default: false
        }
    }

    /// Returns the prompts of a completion, each of which is a text or an array of token ids.
    ///
    /// - Parameter prompt: the request's member `prompt`: a single prompt, or an array of prompts.
    private static func inputs(_ prompt: JSONValue?) -> [JSONValue] {
        guard let prompt else { return [] }
        guard let values = prompt.array, values.first?.integer == nil else { return [prompt] }
        return values
    }

    private static func completion(_ beginning: BlockChain.Builder, _ input: JSONValue) -> BlockChain {
        var prompt = beginning
        if let ids = input.array {
            for id in ids { prompt.add(token: id.integer ?? 0) }
        } else {
            prompt.add(text: input.string ?? input["text"]?.string ?? "")
        }
        return prompt.finished()
    }

    /// The bytes of a value as compact JSON, without escapes, and without members named `cache_control`.
    private static func bytes(of value: JSONValue) -> [UInt8] {
        var bytes: [UInt8] = []
        append(value, to: &bytes)
        return bytes
    }

    private static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let truth): bytes.append(contentsOf: (truth ? "true" : "false").utf8)
        case .integer(let number): bytes.append(contentsOf: String(number).utf8)
        case .double(let number): bytes.append(contentsOf: "\(number)".utf8)
        case .string(let text): appendQuoted(text, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for value in values {
                append(value, to: &bytes)
                bytes.append(UInt8(ascii: ","))
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for member in members where member.key != "cache_control" {
                appendQuoted(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                append(member.value, to: &bytes)
                bytes.append(UInt8(ascii: ","))
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: text.utf8)
        bytes.append(UInt8(ascii: "\""))
    }
}
