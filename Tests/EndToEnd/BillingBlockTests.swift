import Testing

/// The edge removes the billing text of coding agents from requests to engines that cache prefixes, and to no others.
///
/// The text is at the beginning of the system prompt and changes with each request, so no cached prefix would match.
@Suite struct BillingBlockTests {
    private static let prompt = #"{"type":"text","text":"You are Claude Code.","cache_control":{"type":"ephemeral"}}"#

    /// A request as Claude Code sends it, with a billing text at the beginning of the system prompt.
    ///
    /// `cch` is the part of the billing text that changes with each request; nil leaves out the text.
    private static func body(_ model: String, cch: String?) -> String {
        let header = "x-anthropic-billing-header: cc_version=2.1.37.3a3; cc_entrypoint=cli; cch="
        let block = cch.map { #"{"type":"text","text":"\#(header)\#($0);"},"# } ?? ""
        return #"{"model":"\#(model)","max_tokens":2,"system":[\#(block)\#(prompt)],"#
            + #""messages":[{"role":"user","content":"é \u00e9"}]}"#
    }

    @Test func aCacheOfPrefixesSeesTheSameBytesEachTime() async throws {
        try await withExecutor { vllm in
            try await withExecutor { anthropic in
                let models = """
                    - {id: local, executors: [{url: '\(vllm.url)', kind: vllm, model: demo, health: {interval: 0s}}]}
                    - {id: remote, executors: [{url: '\(anthropic.url)', kind: anthropic, model: demo}]}
                    """
                try await withServer(Configuration(models: models)) { server in
                    for (speaking, cch) in [(Protocol.http1, "fa690"), (.http2, "0aaa9")] {
                        for (model, executor) in [("local", vllm), ("remote", anthropic)] {
                            let sent = Self.body(model, cch: cch)
                            let answer = try await server.curl("/v1/messages", speaking, body: sent)
                            #expect(answer.status == 200, "\(answer.body)")
                            let last = try await executor.get("/simulator/last").json
                            #expect(last.body.string == Self.body("demo", cch: model == "local" ? nil : cch))
                            #expect(last.headers["content-length"].string == last.body_bytes.int.map { "\($0)" })
                        }
                    }
                    try await expect(server.metrics()) {
                        $0["freeinference_billing_blocks_stripped_total", ["model": "local"]] == 2
                            && $0["freeinference_billing_blocks_stripped_total", ["model": "remote"]] == 0
                    }
                }
            }
        }
    }
}
