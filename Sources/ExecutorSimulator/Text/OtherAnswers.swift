// Responses that are not generated text: embeddings, reranking, token counts, the model list and errors.
internal import Inference

/// Writes the JSON responses that contain no generated text.
enum OtherAnswers {
    /// The answer of llama.cpp's server while it loads its model, byte for byte.
    static let loading = Array(#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#.utf8)
    /// The answer of FastAPI, and so of vLLM and SGLang, at a path that it does not have.
    static let noSuchPath = Array(#"{"detail":"Not Found"}"#.utf8)

    /// The response of the embeddings API, with vectors that depend only on the inputs.
    static func embeddings(_ request: ModelRequest) -> [UInt8] {
        let dimensions = min(max(request.body["dimensions"]?.integer ?? 8, 1), 4096)
        let isBase64 = request.body["encoding_format"]?.string == "base64"
        return JSONText.object { writer in
            writer.field("object", "list")
            writer.array("data") {
                for (index, key) in request.keys.enumerated() {
                    let vector = (0..<dimensions).map { component($0, of: key) }
                    $0.object {
                        $0.field("object", "embedding")
                        $0.field("index", index)
                        if isBase64 {
                            $0.field("embedding", base64(vector))
                        } else {
                            $0.array("embedding") { for number in vector { $0.value(Double(number)) } }
                        }
                    }
                }
            }
            writer.field("model", request.model)
            writer.object("usage") {
                $0.field("prompt_tokens", request.promptTokens)
                $0.field("total_tokens", request.promptTokens)
            }
        }
    }

    /// One component of the embedding of an input whose hash is `key`.
    ///
    /// The component is a multiple of 1/32768 from -1 to 1, which `Float` represents exactly.
    private static func component(_ index: Int, of key: UInt64) -> Float {
        Float(Int(Hash.mix(key &+ UInt64(index)) >> 48) - 32768) / 32768
    }

    /// A vector as base64 of little-endian floats.
    ///
    /// OpenAI's SDK requests embeddings in this format.
    private static func base64(_ vector: [Float]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let bytes = vector.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> ($0 * 8)) }
        }
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for index in 0..<3 { bits = bits << 8 | UInt32(index < group.count ? group[start + index] : 0) }
            for index in 0..<4 {
                let digit = alphabet[Int(bits >> (18 - 6 * UInt32(index)) & 63)]
                text.append(index <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The response of the rerank API, best document first, with scores that depend only on the query and the
    /// documents.
    static func rerank(_ request: ModelRequest, id: String) -> [UInt8] {
        let query = request.body["query"]?.string ?? ""
        var hash = Hash()
        hash.add(query)
        let scores = request.keys.enumerated().map { index, key in
            (index: index, score: Double(Hash.mix(key ^ hash.value) >> 44) / Double(1 << 20))
        }
        let best = scores.sorted { $0.score > $1.score }.prefix(
            request.body["top_n"]?.integer.map { max(0, $0) } ?? .max
        )
        let documents = request.body["documents"]?.array ?? []
        return JSONText.object { writer in
            writer.field("id", id)
            writer.field("model", request.model)
            writer.object("usage") { $0.field("total_tokens", request.promptTokens) }
            writer.array("results") {
                for result in best {
                    let document = documents[result.index]
                    $0.object {
                        $0.field("index", result.index)
                        $0.object("document") { $0.field("text", document.string ?? document["text"]?.string ?? "") }
                        $0.field("relevance_score", result.score)
                    }
                }
            }
        }
    }

    /// The response of Anthropic's count_tokens API.
    static func countTokens(_ request: ModelRequest) -> [UInt8] {
        JSONText.object { $0.field("input_tokens", request.promptTokens) }
    }

    /// The response to `GET /v1/models`.
    static func models(_ names: [String], owner: String, created: Int) -> [UInt8] {
        JSONText.object { writer in
            writer.field("object", "list")
            writer.array("data") {
                for name in names {
                    $0.object {
                        $0.field("id", name)
                        $0.field("object", "model")
                        $0.field("created", created)
                        $0.field("owned_by", owner)
                        $0.field("max_model_len", 131_072)
                    }
                }
            }
        }
    }

    /// The JSON body of an error response, in Anthropic's shape or in OpenAI's shape.
    static func error(_ refusal: Refusal, isAnthropic: Bool) -> [UInt8] {
        JSONText.object { writer in
            if isAnthropic { writer.field("type", "error") }
            writer.object("error") {
                $0.field("message", refusal.message)
                $0.field("type", refusal.type)
                $0.field("param", refusal.parameter)
                $0.field("code", refusal.status)
            }
        }
    }
}
