import Testing

@testable import Configuration
@testable import Migration

/// Tests the import of FreeInference's models.yaml.
@Suite struct FreeInferenceImportTests {
    /// A `models.yaml` in FreeInference's format with invented content.
    ///
    /// A comment marks each line whose setting the import drops or changes.
    static let file = """
        # Two models.
        models:
          - id: coder-large
            name: Coder Large
            provider: vllm
            quantization: "fp8"
            context_length: 262144
            max_output_length: 65536
            supports_tools: true
            supports_structured_output: true
            supported_params: [temperature, top_p, max_tokens]
            input_modalities: ["text", "image"]
            output_modalities: ["text"]
            aliases: ["/models/Coder_Large", coder]
            required_role: internal # lost
            processor: qwen_coder # lost
            pricing:
              prompt: "0.35"
              completion: 1.4
              image: "0"
              request: "0"
              input_cache_reads: "0.035"
              input_cache_writes: "2e-1"
            route:
              - kind: vllm
                weight: 0.7
                base_url: http://10.0.0.5:8000/v1
                provider_model_id: "acme/coder-large-fp8"
              - kind: sglang
                weight: 0.3
                base_url: ${CODER_URL} # changed
                optional: true # changed
                api_keys:
                  - ${CODER_KEY}
                  - ${CODER_KEY_2} # lost
              - kind: gemini # lost
                weight: 0
                base_url: https://generativelanguage.example/v1
              - kind: openrouter[acme] # changed
                weight: 0.01
                base_url: https://openrouter.example/api/v1
                quota: # lost
                  limit: 5000
          - id: embedder
            model_type: embedding
            provider: ollama
            base_url: http://127.0.0.1:11434/v1
            pricing:
              prompt: cheap # lost
              image: "3" # lost
        version: 2 # lost
        """

    @Test func modelsRoutesAndPricesAreCarriedOver() throws {
        let result = try imported(Self.file)
        #expect(result.program == "FreeInference")
        #expect(result.modelCount == 2)
        let environment = ["CODER_URL": "https://b.example", "CODER_KEY": "k"]
        let configuration = try loaded(result.yaml, environment: environment)
        #expect(configuration.listeners.map(\.address) == [.tcp(host: "127.0.0.1", port: 8080)])
        let model = configuration.models[0]
        #expect(model.id == "coder-large")
        #expect(model.aliases == ["/models/Coder_Large", "coder"])
        let urls = ["http://10.0.0.5:8000", "https://b.example:443", "https://openrouter.example:443/api"]
        #expect(model.executors.map(\.url.description) == urls)
        #expect(model.executors.map(\.weight) == [70, 30, 1])
        #expect(model.executors.map(\.kind) == [.vllm, .sglang, .openai])
        #expect(model.executors.map(\.model) == ["acme/coder-large-fp8", nil, nil])
        #expect(model.executors.map(\.apiKey) == [nil, "k", nil])
        #expect(
            result.yaml.contains(
                """
                    pricing: {prompt: "0.00000035", completion: "0.0000014", input_cache_read: "0.000000035", \
                input_cache_write: "0.0000002", image: "0", request: "0"}
                """
            )
        )
        #expect(configuration.models[1].executors.map(\.kind) == [.ollama])
        #expect(result.yaml.contains("output_modalities: [embeddings]"))
        #expect(configuration.warnings.isEmpty)
    }

    @Test func everyLineThatIsNotCarriedOverIsNamed() throws {
        let result = try imported(Self.file)
        #expect(result.lines(.notCarriedOver) == lines(marked: "lost", in: Self.file))
        #expect(result.lines(.changed) == lines(marked: "changed", in: Self.file))
    }

    @Test func aListWithoutATopIsRead() throws {
        let result = try imported("- {id: a, provider: vllm, base_url: 'http://h:1/v1'}")
        #expect(try loaded(result.yaml).models.map(\.id) == ["a"])
    }

    @Test func aKeyInClearTextBecomesAVariableAndIsNeverShown() throws {
        let result = try imported(
            """
            models:
              - id: a.b/c
                route: [{kind: vllm, base_url: "http://h:1/v1", api_key: hunter2-secret}]
              - id: d
                route: [{kind: vllm, base_url: "http://i:1/v1", api_key: hunter2-secret}]
              - id: e
                route: [{kind: vllm, base_url: "http://j:1/v1", api_key: "${E_KEY:-hunter2-secret}"}]
            """
        )
        #expect(result.variablesToSet == ["A_B_C_API_KEY"])
        let shown = result.yaml + result.notes.map(\.description).joined()
        #expect(!shown.contains("hunter2"))
        let configuration = try loaded(result.yaml, environment: ["A_B_C_API_KEY": "k", "E_KEY": "l"])
        #expect(configuration.models.map { $0.executors[0].apiKey } == ["k", "k", "l"])
    }

    @Test func aVariableInTheMiddleOfAURLStaysOne() throws {
        let result = try imported("models: [{id: a, route: [{kind: vllm, base_url: 'http://${HOST}:${PORT}/v1'}]}]")
        let configuration = try loaded(result.yaml, environment: ["HOST": "h", "PORT": "81"])
        #expect(configuration.models[0].executors[0].url.description == "http://h:81")
    }

    @Test func aDefaultURLLosesItsV1() throws {
        let result = try imported("models: [{id: a, route: [{kind: vllm, base_url: '${U:-http://h:1/v1}'}]}]")
        #expect(try loaded(result.yaml).models[0].executors[0].url.description == "http://h:1")
    }

    /// In this server's configuration `${file:PATH}` means the content of a file.
    ///
    /// If another program's file contains this text, the import must not make the server read a file.
    @Test func aReferenceToAFileIsNotCarriedOver() throws {
        let result = try imported(
            """
            models:
              - id: a
                aliases: ["${file:/etc/passwd}"]
                route:
                  - {kind: vllm, base_url: "http://h:1/v1", api_key: "${file:/etc/passwd}"}
                  - {kind: vllm, base_url: "${file:/etc/passwd}"}
                  - {kind: vllm, base_url: "http://i:1/v1", provider_model_id: "${file:/etc/passwd}"}
                name: "${file:/etc/passwd}"
            """
        )
        #expect(result.lines(.notCarriedOver) == [3, 5, 6, 7])
        let lines = result.yaml.split(separator: "\n").filter { $0.contains("${file:") }
        #expect(lines.map { String($0) } == ["    name: \"$${file:/etc/passwd}\""])
    }

    @Test func twoRoutesAtOneURLAreOneExecutor() throws {
        let result = try imported(
            "models: [{id: a, route: [{kind: vllm, base_url: 'http://h:1/v1'}, {kind: vllm, base_url: 'http://H:1'}]}]"
        )
        #expect(try loaded(result.yaml).models[0].executors.count == 1)
        #expect(result.notes.contains { $0.message.contains("may have one only") })
    }

    @Test func kindsOfOneURLThatContradictEachOtherAreLeftOut() throws {
        let result = try imported(
            """
            models:
              - {id: a, route: [{kind: vllm, base_url: "http://h:1/v1"}]}
              - {id: b, route: [{kind: sglang, base_url: "http://h:1/v1"}]}
            """
        )
        #expect(try loaded(result.yaml).models.map { $0.executors[0].kind } == [.vllm, .auto])
        #expect(result.lines(.changed) == [3])
    }
}
