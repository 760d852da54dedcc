// What a method and a path ask for.

import HTTP
import Inference
import Testing

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
        (.post, "/v1/audio/speech", .model(.other)),
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
        #expect(Endpoint(method: method, target: Array(target.utf8)) == expected)
    }

    @Test func knowsMultipart() {
        #expect(isMultipart(Array("multipart/form-data; boundary=x".utf8)[...]))
        #expect(isMultipart(Array(" Multipart/Form-Data".utf8)[...]))
        #expect(!isMultipart(Array("application/json".utf8)[...]))
        #expect(!isMultipart(Array("".utf8)[...]))
    }
}
