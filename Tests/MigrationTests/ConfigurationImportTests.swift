import Testing

@testable import Configuration
@testable import Migration

/// What an import does with input that is bad, or large.
@Suite struct ConfigurationImportTests {
    @Test(arguments: [
        ("", "in.yaml: is empty"), ("~", "in.yaml: is of an unknown form; expected FreeInference's models.yaml"),
        ("a: [b", "not valid YAML"), ("a: 1\na: 2", "in.yaml:2:1: key 'a' appears twice"),
        ("just words", "unknown form"), ("[]", "unknown form"), ("a: 1", "unknown form"),
        ("models: 3", "unknown form"), ("models: [a]", "has a list 'models' of an unknown form"),
        ("models: [{id: a, executors: []}]", "is a configuration of this server already"),
        ("router_settings: {}", "has 'router_settings' of LiteLLM, but no 'model_list'"),
        ("local_deployment: []", "is FreeInference's routing.yaml"), ("model_list: []", "none of its models"),
        ("model_list: {a: 1}", "none of its models"), ("model_list: [3, [4], null]", "none of its models"),
        ("models: [{id: a, route: []}]", "none of its models"),
        ("models: [{id: a, route: [{kind: vllm}]}]", "none of its models"),
    ])
    func inputThatCannotBeUsedSaysWhy(text: String, why: String) {
        #expect(failure(text)?.contains(why) == true, "\(failure(text) ?? "")")
    }

    @Test func bytesThatAreNoTextSayWhy() {
        #expect(throws: ConfigurationImport.Failure.self) { try ConfigurationImport([0xFF, 0xFE, 0, 1], path: "x") }
        #expect(throws: ConfigurationImport.Failure.self) { try ConfigurationImport([0x61, 0xC3, 0x28], path: "x") }
    }

    /// If an import fails, its error contains notes that say why.
    @Test func aFailureHasItsNotes() {
        do {
            _ = try ConfigurationImport(
                Array("models: [{id: a, route: [{kind: vllm, base_url: 'ftp://x'}]}]".utf8),
                path: "x"
            )
            Issue.record("it was imported")
        } catch {
            #expect(error.notes.contains { $0.message.contains("the URL must begin with http://") })
        }
    }

    @Test func namesWithControlCharactersAreNamedAndLeftOut() throws {
        let result = try imported(
            """
            models:
              - {id: good, aliases: ["a\\u0007b", fine], route: [{kind: vllm, base_url: "http://h:1/v1"}]}
              - {id: "bad\\nname", route: [{kind: vllm, base_url: "http://h:1/v1"}]}
            """
        )
        #expect(try loaded(result.yaml).models.map(\.aliases) == [["fine"]])
        #expect(result.lines(.notCarriedOver) == [2, 3])
        #expect(result.notes.allSatisfy { $0.description.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
    }

    @Test func namesThatTwoModelsHaveAreNamed() throws {
        let result = try imported(
            """
            models:
              - {id: a, aliases: [b, c], route: [{kind: vllm, base_url: "http://h:1/v1"}]}
              - {id: b, aliases: [c], route: [{kind: vllm, base_url: "http://h:1/v1"}]}
              - {id: a, route: [{kind: vllm, base_url: "http://h:1/v1"}]}
            """
        )
        let models = try loaded(result.yaml).models
        #expect(models.map(\.id) == ["a", "b"])
        #expect(models.map(\.aliases) == [["c"], []])
        #expect(result.lines(.notCarriedOver) == [2, 3, 4])
    }

    /// Texts that YAML without quotes would read as something else, such as `null`, are the same when they are read
    /// again.
    @Test(arguments: [
        "a: b", "- a", "#a", "null", "true", "a#b", "\"q\"", "'", "ü\u{2028}", "x\u{FEFF}y", "a b", "{a}", "1e3",
    ])
    func textsSurviveBeingWritten(name: String) throws {
        let spelled = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\u{2028}", with: "\\u2028").replacing("\u{FEFF}", with: "\\uFEFF")
        let result = try imported(
            "models: [{id: \"\(spelled)\", route: [{kind: vllm, base_url: 'http://h:1/v1', provider_model_id: x}]}]"
        )
        #expect(try loaded(result.yaml).models[0].id == name)
    }

    @Test func tenThousandModelsAreCarriedOver() throws {
        var text = "model_list:\n"
        for index in 0..<10_000 {
            text +=
                "- {model_name: m\(index), litellm_params: {model: hosted_vllm/x, api_base: 'http://h\(index % 7):1/v1'}}\n"
        }
        let result = try imported(text)
        #expect(result.modelCount == 10_000)
        #expect(result.notes.isEmpty)
    }

    @Test func moreValuesThanAConfigurationMayHaveAreAnError() {
        var text = "model_list:\n"
        for index in 0..<20_000 {
            text += "- {model_name: m\(index), litellm_params: {model: hosted_vllm/x, api_base: 'http://h:1/v1'}}\n"
        }
        #expect(failure(text)?.contains("more than 100000 values") == true)
    }
}
