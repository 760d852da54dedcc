import Testing

@testable import Configuration
@testable import Migration

/// Imports LiteLLM's config.yaml: what becomes of its settings, and which of them are reported.
@Suite struct LiteLLMImportTests {
    /// A configuration file in LiteLLM's format.
    ///
    /// Comments mark the lines that the import must report: settings that are lost, and settings that are changed.
    static let file = """
        model_list:
          - model_name: chat-large
            litellm_params:
              model: hosted_vllm/acme/chat-large
              api_base: http://10.0.0.5:8000/v1
              api_key: os.environ/VLLM_KEY
              rpm: 600 # changed
              tpm: 100000 # lost
              timeout: 300
              stream_timeout: 45.5
              max_parallel_requests: 64
            model_info:
              max_input_tokens: 131072
              max_output_tokens: 8192
              supports_function_calling: true
              supports_vision: true
              input_cost_per_token: 3e-07
              output_cost_per_token: 0.0000012
              base_model: acme/chat # lost
          - model_name: chat-large
            litellm_params:
              model: openai/acme/chat-large
              api_base: os.environ/SECOND_URL # changed
              api_key: none # lost
              rpm: 300 # changed
              max_retries: 2 # lost
              temperature: 0.2 # lost
          - model_name: gpt-4o
            litellm_params:
              model: azure/gpt-4o-eu # lost
              api_base: https://eu.openai.azure.example/
              api_key: os.environ/AZURE_KEY
              api_version: "2024-02-01" # lost
          - model_name: gpt-4o
            litellm_params:
              model: gpt-4o
              order: 1
          - model_name: gpt-4o
            litellm_params:
              model: openrouter/openai/gpt-4o
              order: 2 # changed
          - model_name: claude
            litellm_params:
              model: anthropic/claude-sonnet # changed
              api_key: os.environ/ANTHROPIC_API_KEY
          - model_name: embed
            litellm_params: {model: ollama/embed, api_base: "http://localhost:11434"}
            model_info: {mode: embedding}
          - model_name: "openai/*" # lost
            litellm_params: {model: "openai/*"}
        litellm_settings:
          drop_params: true # lost
          request_timeout: 600 # lost
          success_callback: ["langfuse"] # lost
          fallbacks: [{"chat-large": ["gpt-4o", "nowhere"]}] # lost
        router_settings:
          routing_strategy: simple-shuffle # changed
          timeout: 120
          num_retries: 3 # lost
          model_group_alias: {"chat": "chat-large"}
          redis_password: os.environ/REDIS_PASSWORD # lost
        general_settings:
          master_key: sk-1234-secret # lost
          database_url: postgresql://user:secret@db/litellm # lost
        environment_variables: # lost
          LANGFUSE_SECRET: secret
        """

    private static let environment = [
        "VLLM_KEY": "v", "SECOND_URL": "http://second:8000", "OPENAI_API_KEY": "o", "OPENROUTER_API_KEY": "r",
        "ANTHROPIC_API_KEY": "a",
    ]

    @Test func deploymentsOfOneNameAreExecutorsOfOneModel() throws {
        let result = try imported(Self.file)
        #expect(result.program == "LiteLLM")
        let configuration = try loaded(result.yaml, environment: Self.environment)
        #expect(configuration.models.map(\.id) == ["chat-large", "gpt-4o", "gpt-4o/order-2", "claude", "embed"])
        let model = configuration.models[0]
        #expect(model.aliases == ["chat"])
        #expect(model.fallbacks == ["gpt-4o"])
        #expect(model.executors.map(\.url.description) == ["http://10.0.0.5:8000", "http://second:8000"])
        #expect(model.executors.map(\.model) == ["acme/chat-large", "acme/chat-large"])
        #expect(model.executors.map(\.kind) == [.vllm, .auto])
        #expect(model.executors.map(\.weight) == [2, 1])
        #expect(model.executors.map(\.apiKey) == ["v", nil])
        #expect(model.executors.map(\.maxRunning) == [64, nil])
        #expect(model.timeouts.response == .seconds(300))
        #expect(model.timeouts.firstEvent == .milliseconds(45_500))
        #expect(configuration.timeouts.response == .seconds(120))
    }

    @Test func ordersBecomeFallbacks() throws {
        let models = try loaded(try imported(Self.file).yaml, environment: Self.environment).models
        #expect(models[1].fallbacks == ["gpt-4o/order-2"])
        #expect(models[1].executors.map(\.url.description) == ["https://api.openai.com:443"])
        #expect(models[1].executors.map(\.apiKey) == ["o"])
        #expect(models[2].executors.map(\.url.description) == ["https://openrouter.ai:443/api"])
        #expect(models[2].executors.map(\.model) == ["openai/gpt-4o"])
        #expect(models[3].executors.map(\.kind) == [.anthropic])
        #expect(models[4].executors.map(\.kind) == [.ollama])
    }

    @Test func theCatalogSaysWhatModelInfoSaid() throws {
        let yaml = try imported(Self.file).yaml
        for line in [
            "context_length: 131072", "max_output_length: 8192", "supported_features: [tools]",
            "input_modalities: [text, image]", #"pricing: {prompt: "0.0000003", completion: "0.0000012"}"#,
            "output_modalities: [embeddings]",
        ] { #expect(yaml.contains("    \(line)\n"), "\(line)") }
    }

    @Test func everyLineThatIsNotCarriedOverIsNamed() throws {
        let result = try imported(Self.file)
        #expect(result.lines(.notCarriedOver) == lines(marked: "lost", in: Self.file))
        #expect(result.lines(.changed) == lines(marked: "changed", in: Self.file))
    }

    @Test func noSecretIsShown() throws {
        let result = try imported(Self.file)
        let shown = result.yaml + result.notes.map(\.description).joined(separator: "\n")
        #expect(!shown.contains("sk-1234"))
        #expect(!shown.contains("user:secret"))
    }

    @Test func whatIsBelowASectionThatIsLostIsNamedByItsLastLine() throws {
        let note = try imported(Self.file).notes.first { $0.message.hasPrefix("environment_variables") }
        #expect(note?.message.hasPrefix("environment_variables, to line ") == true)
    }

    @Test func weightsThatNotAllDeploymentsHaveAreNamed() throws {
        let result = try imported(
            """
            model_list:
              - {model_name: a, litellm_params: {model: hosted_vllm/a, api_base: "http://h:1/v1", weight: 9}}
              - {model_name: a, litellm_params: {model: hosted_vllm/a, api_base: "http://i:1/v1"}}
            """
        )
        #expect(result.lines(.notCarriedOver) == [2])
        #expect(try loaded(result.yaml).models[0].executors.map(\.weight) == [1, 1])
    }

    @Test func mergedKeysAreRead() throws {
        let result = try imported(
            """
            common: &common
              api_base: http://h:1/v1
              api_key: none
            model_list:
              - model_name: a
                litellm_params:
                  <<: *common
                  model: hosted_vllm/a
            """
        )
        #expect(try loaded(result.yaml).models[0].executors[0].url.description == "http://h:1")
        #expect(result.lines(.notCarriedOver) == [1, 3])
    }

    /// In LiteLLM's file, `${X}` is plain text and not a reference to an environment variable.
    @Test func whatLooksLikeAVariableStaysText() throws {
        let result = try imported(
            "model_list: [{model_name: '${a}', litellm_params: {model: 'hosted_vllm/${a}', api_base: 'http://h:1/v1'}}]"
        )
        #expect(try loaded(result.yaml).models[0].id == "${a}")
    }

    @Test(arguments: [
        "bedrock/x", "vertex_ai/x", "gemini/x", "cohere/x", "nonsense", "openai/*", "hosted_vllm/x", "openai/",
    ])
    func whatHasNoExecutorIsNamed(model: String) throws {
        let result = try imported(
            """
            model_list:
              - {model_name: good, litellm_params: {model: hosted_vllm/x, api_base: "http://h:1/v1"}}
              - {model_name: bad, litellm_params: {model: "\(model)"}}
            """
        )
        #expect(result.modelCount == 1)
        #expect(result.lines(.notCarriedOver) == [3])
    }

    @Test func theListenerHasAPortThatNoExecutorHas() throws {
        let result = try imported(
            """
            model_list:
              - {model_name: a, litellm_params: {model: openai/a, api_base: "http://localhost:8080/v1"}}
              - {model_name: b, litellm_params: {model: openai/b, api_base: "http://localhost:9901/v1"}}
            """
        )
        let configuration = try loaded(result.yaml)
        #expect(configuration.listeners.map(\.address) == [.tcp(host: "127.0.0.1", port: 8088)])
        #expect(configuration.admin.address == .tcp(host: "127.0.0.1", port: 9902))
    }
}
