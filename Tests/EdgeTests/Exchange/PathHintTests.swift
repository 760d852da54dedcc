import HTTP
import Inference
import Testing

@testable import Edge

@Suite struct PathHintTests {
    private func client() throws -> TestClient {
        try TestClient(TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:8000'}]}")))
    }

    @Test(arguments: [
        ("POST", "/v1//chat/completions", "POST /v1/chat/completions"),
        ("POST", "/v1/chat/completions/", "POST /v1/chat/completions"),
        ("POST", "/openai/v1/chat/completions", "POST /v1/chat/completions"),
        ("POST", "/chat/completions", "POST /v1/chat/completions"),
        ("POST", "/v1/v1/messages", "POST /v1/messages"),
        ("POST", "/v1/chat/completions/chat/completions", "POST /v1/chat/completions"),
        ("POST", "/openai/deployments/gpt/chat/completions", "POST /v1/chat/completions"),
        ("POST", "/v1/Chat/Completions", "POST /v1/chat/completions"),
        ("POST", "/v1/chat/completion", "POST /v1/chat/completions"),
        ("POST", "/v1/embedding", "POST /v1/embeddings"), ("POST", "/api/chat", "POST /v1/chat/completions"),
        ("POST", "/api/generate", "POST /v1/completions"), ("POST", "/anthropic/v1/messages", "POST /v1/messages"),
        ("POST", "/messages/count_tokens", "POST /v1/messages/count_tokens"),
        ("POST", "/responses", "POST /v1/responses"), ("POST", "/responses/compact", "POST /v1/responses/compact"),
        ("POST", "/v1/tokenize", "POST /tokenize"), ("POST", "/v1/v2/rerank", "POST /v2/rerank"),
        ("POST", "/rerank/", "POST /rerank"), ("POST", "/v1/rerank/", "POST /v1/rerank"),
        ("GET", "/openai/v1/models", "GET /v1/models"), ("GET", "/v1/models/", "GET /v1/models"),
        ("GET", "/openai/models/gpt", "GET /v1/models"), ("GET", "/api/tags", "GET /v1/models"),
        ("GET", "/v1/health", "GET /health"), ("GET", "/healthz", "GET /health"),
    ]) func aPathThatWasProbablyMeantIsNamed(method: String, path: String, meant: String) throws {
        let client = try client()
        client.ask(chat(), path: path, method: method)
        #expect(client.status == 404 && client.executors.isEmpty)
        #expect(client.received.contains("There is nothing at this path. Did you mean \(meant)?"))
    }

    @Test(arguments: [
        ("GET", "/v1/responses/resp_1", "Responses are not kept"),
        ("DELETE", "/v1/responses/resp_1", "Responses are not kept"),
        ("POST", "/v1/responses/resp_1/cancel", "Responses are not kept"),
        ("GET", "/v1/responses/resp_1/input_items?limit=2", "Responses are not kept"),
        ("GET", "/v1/chat/completions/c1", "Completions are not kept"), ("POST", "/v1/files", "there are no files"),
        ("GET", "/v1/vector_stores/v1", "there are no vector stores"),
        ("POST", "/v1/messages/batches", "there are no batches"),
        ("POST", "/v1/audio/transcriptions", "multipart"), ("GET", "/v1/realtime?model=m", "no realtime"),
        ("GET", "/favicon.ico", "There is nothing at this path."),
        ("POST", "/nothing", "There is nothing at this path."),
        ("POST", "/v1/nope", #""There is nothing at this path.""#),
        ("POST", "/rock", #""There is nothing at this path.""#),
        ("POST", "/" + String(repeating: "chat/", count: 60), "There is nothing at this path."),
    ]) func aPathThatIsNotThereSaysWhy(method: String, path: String, why: String) throws {
        let client = try client()
        client.ask(chat(), path: path, method: method)
        #expect(client.status == 404 && client.executors.isEmpty)
        #expect(client.received.contains(why))
    }
}
