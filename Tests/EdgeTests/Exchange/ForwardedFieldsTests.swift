// Which header fields an executor gets, by the settings of the configuration, of its model, and of the executor
// itself.
import Configuration
import HTTP
import Inference
import Testing

@testable import Edge

private func names(_ names: String...) -> [(String, String)] { names.map { ($0, "v") } }

@Suite struct ForwardedFieldsTests {
    @Test func credentialsAndAccountsPassInNoField() {
        let all = names(
            "api-key",
            "x-goog-api-key",
            "apikey",
            "x-auth-token",
            "x-amz-security-token",
            "ocp-apim-subscription-key",
            "openai-organization",
            "openai-project",
            "chatgpt-account-id",
            "x-vllm-priority",
            "x-data-parallel-rank",
            "x-stainless-api-key",
            "x-codex-auth",
            "x-codex-authorization",
            "x-codex_turn-state",
            "session_id",
            "content_type",
            "anthropic_beta"
        )
        #expect(forwarded(all + names("x-stainless-", "x-codex", "stainless-lang", "x-codexes")) == [])
        // These fields are never forwarded, whatever patterns the settings contain.
        var wide = ForwardSettings()
        wide.fields = ["x-*", "api-*", "openai-*", "chatgpt-*", "cf-*", "session*"] + all.map(\.0)
        let more = names(
            "x-real-ip",
            "x-forwarded-for",
            "x-freeinference-a",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-original-forwarded-for",
            "x-gateway-destination-endpoint",
            "x-prefiller-host-port",
            "x-bearer",
            "x-user-passwd",
            "x-accesskey",
            "x-hub-signature"
        )
        #expect(forwarded(all + more, [wide]) == [])
        #expect(forwarded(names("x-title"), [wide]) == ["x-title: v"])
    }

    @Test func settingsAddUp() {
        var common = ForwardSettings()
        common.fields = ["http-referer"]
        var own = ForwardSettings()
        own.fields = ["x-openrouter-*", "cache-control"]
        let fields = names(
            "http-referer",
            "x-title",
            "x-openrouter-title",
            "x-openrouter-api-key",
            "cache-control",
            "age"
        )
        #expect(forwarded(fields) == [])
        #expect(forwarded(fields, [common, ForwardSettings()]) == ["http-referer: v"])
        let both = ["http-referer: v", "x-openrouter-title: v", "cache-control: v"]
        #expect(forwarded(fields, [common, own]) == both)
    }

    @Test func theNearestSettingOfTheUserAgentHolds() {
        func sent(_ settings: Bool?...) -> [String] {
            forwarded(
                [("user-agent", "u")],
                settings.map {
                    var setting = ForwardSettings()
                    setting.userAgent = $0
                    return setting
                }
            )
        }
        #expect(sent() == ["user-agent: u"] && sent(nil, nil) == ["user-agent: u"])
        #expect(sent(false) == [] && sent(false, nil) == [] && sent(true, false) == [])
        #expect(sent(false, true, nil) == ["user-agent: u"])
    }

    @Test func theSettingsOfAllLevelsAddUp() throws {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            forward_fields: [HTTP-Referer, x-title]
            forward_user_agent: false
            models:
              - id: m
                forward_fields: [x-openrouter-*]
                executors:
                  - {url: "http://e:8000", forward_fields: [x-priority-class], forward_user_agent: true}
                  - {url: "http://f:8000"}
            """
        let targets = Registry().resolve(try configuration(text)).models[0].targets
        #expect(targets.map(\.forwarded.hasUserAgent) == [true, false])
        let all = ["http-referer", "x-title", "x-openrouter-a", "x-priority-class"]
        #expect(
            targets.map { target in all.map { target.forwarded.names(Array($0.utf8)[...]) } } == [
                [true, true, true, true], [true, true, true, false],
            ]
        )
    }
}
