// Reading `session_fields` and `prefix_scope`.

import Inference
import Testing

@testable import Configuration

@Suite struct SessionSettingsTests {
    @Test func theListReplacesTheStandardOne() throws {
        #expect(try read(valid(and: "commit_after: 10s")).get().sessionFields == .standard)
        var expected = SessionFields()
        for name in ["x-chat", "body.chat.id"] { #expect(expected.add(name) == nil) }
        let text = valid(and: "session_fields: [X-Chat, body.chat.id]")
        #expect(try read(text).get().sessionFields == expected)
        #expect(try read(valid(and: "session_fields: []")).get().sessionFields == SessionFields())
    }

    @Test(arguments: ["[x-chat, 'a b']", "[body.a.b.c]", "[authorization]", "['x:y']"])
    func wrongNamesAreFaultsWithTheirPlace(list: String) {
        let found = faults(valid(and: "session_fields: \(list)"))
        #expect(
            found.count == 1 && found[0].hasPrefix("c.yaml:6:") && found[0].contains("session_fields[]"),
            "\(found)"
        )
    }

    @Test func theScopeIsReadForModelsAndDiscoveries() throws {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            models:
              - {id: m, balance: prefix, prefix_scope: tenant, executors: [{url: "http://e:8000"}]}
              - {id: n, executors: [{url: "http://e:8000"}]}
              - {discover: "http://g:8000", balance: prefix, prefix_scope: tenant}
            """
        let configuration = try read(text).get()
        #expect(configuration.models.map(\.prefixScope) == [.tenant, .pool])
        #expect(configuration.discoveries[0].model.prefixScope == .tenant)
        #expect(faults(text.replacing("n, ", with: "n, prefix_scope: key, ")).count == 1)
    }
}
