// Reading `forward_fields`, `forward_user_agent` and `passthrough`.

import Testing

@testable import Configuration

@Suite struct ForwardSettingsTests {
    @Test func fieldsAreReadAtEachLevel() throws {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            forward_fields: [HTTP-Referer, x-title]
            forward_user_agent: false
            models:
              - id: m
                forward_fields: [x-openrouter-*]
                passthrough: [/v1/audio/voices, /sdapi/v1/txt2img]
                executors:
                  - {url: "http://e:8000", forward_fields: [x-priority-class], forward_user_agent: true}
                  - {url: "http://f:8000"}
            """
        let configuration = try read(text).get()
        #expect(configuration.forward.fields == ["http-referer", "x-title"])
        #expect(configuration.forward.userAgent == false)
        let model = configuration.models[0]
        #expect(model.forward.fields == ["x-openrouter-*"] && model.forward.userAgent == nil)
        #expect(model.passthrough == ["/v1/audio/voices", "/sdapi/v1/txt2img"])
        #expect(model.executors[0].forward.fields == ["x-priority-class"])
        #expect(model.executors.map(\.forward.userAgent) == [true, nil])
    }

    @Test(arguments: [
        ("authorization", "credential"), ("x-api-key", "credential"), ("API-Key", "credential"),
        ("x-goog-api-key", "credential"), ("cookie", "credential"), ("x-auth-token", "credential"),
        ("session_id", "underscore"), ("connection", "between the client and this server"),
        ("host", "between the client and this server"), ("x-request-id", "between the client and this server"),
        ("x-forwarded-for", "address"), ("cf-*", "address"), ("cf-ray", "address"), ("origin", "address"),
        ("openai-organization", "account"), ("chatgpt-account-id", "account"), ("x-vllm-priority", "scheduling"),
        ("x-vllm-*", "scheduling"), ("x-data-parallel-rank", "scheduling"), ("user-agent", "forward_user_agent"),
        ("*", "not the name"), ("x*", "a word and a hyphen"), ("-*", "a word and a hyphen"), ("a b", "not the name"),
        ("x:y", "not the name"),
    ]) func whatIsNeverForwardedIsAFault(name: String, why: String) {
        let found = faults(valid(and: "forward_fields: [ok, \"\(name)\"]"))
        #expect(found.count == 1 && found[0].hasPrefix("c.yaml:6:22: forward_fields[]: '\(name)' "))
        #expect(found.first?.contains(why) == true, "\(found)")
        #expect(faults(valid(executor: ", forward_fields: [\"\(name)\"]")).count == 1)
    }

    @Test(arguments: [
        ("v1/x", "must begin with '/'"), ("/", "name something"), ("/v1/x?y", "query"), ("/v1/x#y", "query"),
        ("/v1/../x", "'.' or '..'"), ("/v1/..%2fx", "'.' or '..'"), ("/v1/%61", "is compared as '/v1/a'"),
        ("/v1/a%2fb", "is compared as '/v1/a%2Fb'"), ("/health", "answered by this server"),
        ("/v1/models", "answered by this server"), ("/v1/models/x", "answered by this server"),
        ("/v1/chat/completions", "passes for every model"), ("/rerank", "passes for every model"),
    ]) func aPathThatCannotBeAddedIsAFault(path: String, why: String) {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            models:
              - id: m
                passthrough: [/v1/ok, "\(path)"]
                executors: [{url: "http://e:8000"}]
            """
        let found = faults(text)
        #expect(found.count == 1 && found[0].hasPrefix("c.yaml:4:27: models[].passthrough[]: '\(path)' "))
        #expect(found.first?.contains(why) == true, "\(found)")
    }
}
