// Tests which endpoint of the API a method and a path select.

import HTTP
import Testing

@testable import Inference

@Suite struct EndpointTests {
    @Test(arguments: [
        (Method.post, "/v1/chat/completions", Endpoint.model(.openAIChat)),
        (.post, "/v1/chat/completions?x=1", .model(.openAIChat)),
        (.post, "/v1/completions", .model(.completions)),
        (.post, "/v1/embeddings", .model(.embeddings)),
        (.post, "/v1/responses", .model(.responses)),
        (.post, "/v1/messages?beta=true", .model(.messages)),
        (.post, "/v1/messages/count_tokens", .model(.countTokens)),
        (.post, "/v1/rerank", .model(.rerank)),
        (.post, "/v1/reranking", .model(.rerank)),
        (.post, "/rerank", .model(.rerank)),
        (.post, "/v2/rerank", .model(.rerank)),
        (.post, "/v1/responses/compact", .model(.other)),
        (.post, "/v1/responses/input_tokens", .model(.tokenize)),
        (.post, "/tokenize", .model(.tokenize)),
        (.post, "/detokenize", .model(.tokenize)),
        (.post, "/v1/score", .model(.other)),
        (.post, "/score", .model(.other)),
        (.post, "/v1/classify", .model(.other)),
        (.post, "/classify", .model(.other)),
        (.post, "/v1/pooling", .model(.other)),
        (.post, "/pooling", .model(.other)),
        (.post, "/v2/embed", .model(.embeddings)),
        (.post, "/v1/moderations", .model(.other)),
        (.post, "/v1/images/generations", .model(.other)),
        (.post, "/v1/audio/speech", .model(.other)),
        (.get, "/v1/audio/speech", .methodNotAllowed(allow: ["POST"])),
        (.get, "/v1/responses/compact", .methodNotAllowed(allow: ["POST"])),
        (.post, "/v1/%63hat/completions?x", .model(.openAIChat)),
        (.post, "/v1/load_lora_adapter", .notFound),
        (.post, "/v1/audio/transcriptions", .notFound),
        (.post, "/v1/completions/render", .notFound),
        (.post, "/v1//chat/completions", .notFound),
        (.post, "/v1/chat/completions/", .notFound),
        (.post, "/openai/v1/chat/completions", .notFound),
        (.post, "/chat/completions", .notFound),
        (.post, "/v1/chat%2Fcompletions", .notFound),
        (.post, "/v1/../v1/chat/completions", .malformed(.dotSegment)),
        (.get, "/%2e%2e/health", .malformed(.dotSegment)),
        (.get, "/he%61lth", .health),
        (.post, "/v1/own", .passthrough),
        (.post, "/v1/o%77n?x=y", .passthrough),
        (.get, "/v1/own", .notFound),
        (.post, "/v1/own/", .notFound),
        (.post, "/v1/", .notFound),
        (.post, "/v2/chat", .notFound),
        (.get, "/v1/chat/completions", .methodNotAllowed(allow: ["POST"])),
        (.get, "/v1/responses/resp_1", .notFound),
        (.get, "/v1/models", .models),
        (.head, "/v1/models", .models),
        (.get, "/models", .models),
        (.post, "/v1/models", .methodNotAllowed(allow: ["GET", "HEAD"])),
        (.get, "/v1/models/qwen", .modelLookup("qwen")),
        (.get, "/v1/models/a/b", .modelLookup("a/b")),
        (.get, "/v1/models//models/a%2Fb%2fc?x=/", .modelLookup("/models/a/b/c")),
        (.get, "/models/100%25%zz%2", .modelLookup("100%%zz%2")),
        (.get, "/v1/models/", .notFound),
        (.get, "/health", .health),
        (.head, "/health", .health),
        (.put, "/health", .methodNotAllowed(allow: ["GET", "HEAD"])),
        (.get, "/", .root),
        (.get, "/?a", .root),
        (.get, "/favicon.ico", .notFound),
        (.options, "*", .notFound),
    ]) func finds(method: Method, target: String, expected: Endpoint) {
        let paths = PassthroughPaths([[], ["/v1/own"]])
        let endpoint = Endpoint(method: method, target: RequestTarget(Array(target.utf8)), passthrough: paths)
        #expect(endpoint == expected)
    }
}
