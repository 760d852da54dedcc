// Tests how the setting `dialects` is read at each level of the configuration, and which paths each dialect allows.

import Inference
import Routing
import Testing

@testable import Configuration

@Suite struct ServedDialectTests {
    private func has(_ path: String, _ dialects: [ServedDialect]) -> Bool {
        ServedDialect.paths(of: dialects).isSuperset(of: PathSet(path: Array(path.utf8)[...]))
    }

    @Test func theKeyIsReadAtEachLevel() throws {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            dialects: [chat]
            models:
              - id: m
                dialects: [messages, responses]
                executors:
                  - {url: "http://e:8000", dialects: [chat, completions, chat]}
                  - {url: "http://f:8000"}
              - {id: n, executors: [{url: "http://e:8000"}]}
              - {discover: "http://g:8000", dialects: [embeddings, rerank]}
            """
        let configuration = try read(text).get()
        #expect(configuration.dialects == [.chat])
        #expect(configuration.models.map(\.dialects) == [[.messages, .responses], nil])
        #expect(configuration.models[0].executors.map(\.dialects) == [[.chat, .completions], nil])
        #expect(configuration.discoveries[0].engine.dialects == [.embeddings, .rerank])
        #expect(try read(valid(and: "commit_after: 10s")).get().dialects == nil)
    }

    @Test func anUnknownWordIsAFaultWithTheNearestWord() {
        let found = faults(valid(executor: ", dialects: [chat, mesages]"))
        #expect(found.count == 1 && found[0].hasSuffix("'mesages' is no dialect; did you mean 'messages'?"), "\(found)")
        #expect(found[0].contains("models[].executors[].dialects"), "\(found)")
        let far = faults(valid(executor: ", dialects: [grpc]"))
        #expect(far.count == 1 && far[0].contains("expected one or more of chat, completions"), "\(far)")
        #expect(faults(valid(executor: ", dialects: []")).count == 1)
        #expect(faults(valid(executor: ", dialects: chat")).count == 1)
        #expect(faults(valid(and: "dialects: [{chat: 1}]")).count == 1)
    }

    @Test(arguments: [
        ("/v1/chat/completions", ServedDialect.chat), ("/v1/completions", .completions),
        ("/v1/embeddings", .embeddings), ("/v2/embed", .embeddings), ("/v1/responses", .responses),
        ("/v1/responses/compact", .responses), ("/v1/responses/input_tokens", .responses),
        ("/v1/messages", .messages), ("/v1/messages/count_tokens", .messages), ("/v1/rerank", .rerank),
        ("/rerank", .rerank), ("/v2/rerank", .rerank), ("/v1/reranking", .rerank),
    ]) func aPathBelongsToItsDialect(path: String, dialect: ServedDialect) {
        for other in ServedDialect.allCases { #expect(has(path, [other]) == (other == dialect), "\(other)") }
        #expect(!has(path, []))
    }

    @Test(arguments: ["/tokenize", "/v1/score", "/v1/classify", "/v1/audio/speech", "/v1/moderations", "/v1/own"])
    func otherPathsAreEverybodys(path: String) { #expect(has(path, [])) }

    @Test func onlyRemoteAPIsAreKnownToHaveOneAPI() {
        for kind in ExecutorSettings.Kind.allCases {
            let lacked = ServedDialect.allCases.filter { !kind.dialects.contains($0) }
            switch kind {
            case .anthropic: #expect(kind.dialects == [.messages])
            case .openai: #expect(lacked == [.messages])
            default: #expect(lacked.isEmpty, "\(kind)")
            }
        }
    }
}
