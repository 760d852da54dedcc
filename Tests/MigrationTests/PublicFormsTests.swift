import Testing

@testable import Configuration
@testable import Migration

/// Imports files in the formats that FreeInference and LiteLLM publish as examples, with invented content.
///
/// A comment marks each line whose setting the import drops or changes. All others must be in the result.
@Suite struct PublicFormsTests {
    /// A `models.yaml` in the format of the file that FreeInference comes with, and of the files in its tests.
    private static let freeInference = """
        # A registry of models in the form of FreeInference's distribution, with content of our own.
        models:
          - id: orca-5.1
            name: Orca 5.1
            required_role: free # lost
            provider: zai
            quantization: "fp8"
            context_length: 200000
            max_output_length: 128000
            supports_tools: true
            supports_structured_output: true
            supported_params: [temperature, top_p, max_tokens, stop, stream, tool_stream, thinking] # lost
            input_modalities: ["text"]
            output_modalities: ["text"]
            aliases: ["freeinference-orca-5.1"]
            pricing:
              prompt: "2.8"
              completion: "6.4"
              image: "0"
              request: "0"
              input_cache_reads: "0.8"
              input_cache_writes: "0"
            route:
              - kind: zai
                weight: 1.0
                base_url: ${ORCA_BASE_URL} # changed
                api_keys:
                  - ${ORCA_API_KEY}
                  - ${ORCA_API_KEY2} # lost
                provider_model_id: "orca-5.1"
              - kind: ollama
                weight: 0.01
                base_url: ${OLLAMA_BASE_URL} # changed
                api_keys:
                  - ${OLLAMA_API_KEY}
                provider_model_id: "orca-5.1"
              - kind: staging
                weight: 0.01
                optional: true # changed
                base_url: https://staging.example/v1
                api_keys:
                  - ${STAGING_API_KEY}
                provider_model_id: "orca-5.1"
          - id: tern-3
            name: Tern 3
            provider: minimax
            input_modalities: ["text", "image", "video"]
            output_modalities: ["text"]
            context_length: 1048576
            max_output_length: 131072
            supports_tools: true
            supported_params: [temperature, top_p, max_tokens, stop, stream, thinking] # lost
            processor: reasoning_extract # lost
            pricing: {prompt: "0.5", completion: "2", input_cache_reads: "0.3", input_cache_writes: "0.0"}
            route:
              - kind: minimax
                weight: 1.0
                base_url: ${TERN_BASE_URL} # changed
                api_keys:
                  - ${TERN_API_KEY}
                provider_model_id: "Tern-3"
              - kind: featherless
                weight: 0.00
                base_url: ${FEATHERLESS_BASE_URL} # changed
                api_keys:
                  - ${FEATHERLESS_API_KEY}
                provider_model_id: "acme/Tern-3"
                input_modalities: ["text"] # lost
          - id: tern-fast
            name: Tern Fast
            required_role: admin # lost
            provider: minimax
            quantization: "bf16"
            context_length: 204800
            max_output_length: 131072
            supported_params: [temperature, top_p, top_k, max_tokens, stop, seed, stream] # lost
            router: routewise # lost
            router_params: # lost
              budget_alpha: 0.5
              latency_hedge_mode: probability_target
              envelope_bootstrap_donor_models: ["tern-3"]
            pricing: {prompt: "0.3", completion: "1.2"}
            route:
              - kind: chutes
                weight: 1.0
                base_url: ${CHUTES_BASE_URL} # changed
                api_keys:
                  - ${CHUTES_API_KEY}
                provider_model_id: "acme/Tern-TEE"
                provider_type: quota # lost
                quota_pool: chutes-tern-daily # lost
                quota_source: # lost
                  provider: chutes
                  usage_label: "Daily requests"
                  unit: requests
                quota: # lost
                  limit: 5000
              - kind: featherless
                weight: 1.0
                base_url: ${FEATHERLESS_BASE_URL} # changed
                api_keys:
                  - ${FEATHERLESS_API_KEY}
                provider_model_id: "acme/Tern"
                provider_type: concurrency # lost
                concurrency_pool: featherless-tern # lost
                concurrency: # lost
                  limit: 1
              - kind: openrouter[deepinfra] # changed
                weight: 1.0
                base_url: https://openrouter.ai/api/v1
                api_keys:
                  - ${OPENROUTER_API_KEY}
                provider_type: on_demand # lost
                provider_model_id: "acme/tern"
                pricing: # lost
                  prompt: "0.15"
                  completion: "1.15"
          - id: heron-code
            name: Heron Code (only for coding agents)
            required_role: pro # lost
            provider: kimi
            route:
              - kind: kimi_coding
                weight: 1.0
                base_url: ${HERON_BASE_URL} # changed
                api_keys:
                  - ${HERON_API_KEY}
                provider_model_id: "heron-for-coding"
              - kind: staging
                weight: 0.01
                optional: true # changed
                base_url: https://staging.example/v1
                api_keys:
                  - ${STAGING_API_KEY}
                provider_model_id: "heron-code"
                input_modalities: ["text"] # lost
          - id: gull-35b
            name: Gull 35B
            provider: sglang
            aliases: ["gull:35b", "claude-haiku-4-5"]
            route:
              - kind: sglang
                weight: 1.0
                base_url: ${LOCAL_DEPLOYMENT_URL} # changed
                provider_model_id: "acme/Gull-35B-FP8"
                api_keys:
                  - ${LOCAL_API_KEY}
                extra_body: # lost
                  chat_template_kwargs:
                    enable_thinking: false
          - id: auk
            name: Auk 26B
            provider: vllm
            provider_model_id: "acme/auk-NVFP4" # lost
            quantization: "nvfp4"
            supported_params: [temperature, tools, tool_choice, reasoning_effort] # lost
            route:
              - kind: vllm
                weight: 1.0
                base_url: ${SPARK_DEPLOYMENT_URL} # changed
                provider_model_id: "acme/auk-NVFP4"
          - id: loon-flash
            name: Loon Flash
            provider: deepseek
            quantization: "none"
            provider_model_id: "loon-flash" # lost
            route:
              - kind: sglang
                weight: 1.0
                optional: true # changed
                base_url: ${H200_DEPLOYMENT_URL} # changed
                api_keys:
                  - ${LOCAL_API_KEY}
              - kind: deepseek
                weight: 1.0
                base_url: https://api.deepseek.example # changed
                api_keys:
                  - ${LOON_API_KEY}
          - id: egret-m3
            name: Egret M3
            type: embedding
            provider: sglang
            quantization: "fp16"
            input_modalities: ["text"]
            output_modalities: ["embedding"]
            context_length: 8192
            max_output_length: 0
            pricing:
              prompt: "0"
              completion: "0"
            route:
              - kind: sglang
                weight: 1.0
                base_url: ${LOCAL_DEPLOYMENT_URL} # changed
                provider_model_id: "acme/egret-m3"
                api_keys:
                  - ${LOCAL_API_KEY}
              - kind: staging
                optional: true # changed
                base_url: https://staging.example/v1
                api_keys:
                  - ${STAGING_API_KEY}
                provider_model_id: "egret-m3"
          - id: test-model-2
            name: Test Model 2
            provider: openai_compat
            base_url: http://remote.test # lost
            api_key: test-key # lost
            supports_tools: false
            route:
              - kind: openai_compat
                weight: 1.0
                base_url: http://remote.test/v1
                api_key: test-key # changed
        """

    /// A file in the format of LiteLLM's proxy_server_config.yaml.
    private static let liteLLM = """
        model_list:
          - model_name: wren-user-test # lost
            litellm_params:
              model: wren-3.5 # lost
              region_name: "eu" # lost
            model_info:
              id: "1" # lost
          - model_name: wren-user-test
            litellm_params:
              model: azure/chat-v-2 # lost
              api_base: https://acme-test.openai.azure.example/
              api_version: "2023-05-15" # lost
              api_key: os.environ/AZURE_API_KEY
          - model_name: wren-large # lost
            litellm_params:
              model: "wren-3.5-1106" # lost
              api_key: os.environ/OPENAI_API_KEY
              rpm: 480
              timeout: 300
              stream_timeout: 60
          - model_name: stork-completion # lost
            litellm_params:
              model: sagemaker/acme-stork-70b # lost
              input_cost_per_second: 0.000420 # lost
          - model_name: plover-embedding
            litellm_params:
              model: hosted_vllm/acme/plover
              api_base: http://10.0.0.7:8000/v1
              api_key: fake-key # lost
            model_info:
              mode: embedding
              base_model: plover-ada # lost
          - model_name: local-endpoint
            litellm_params:
              model: openai/acme-model
              api_key: acme-key-in-clear # changed
              api_base: https://endpoint.example/ # changed
              stream_timeout: 0.001 # lost
              rpm: 1000 # changed
          - model_name: local-endpoint
            litellm_params:
              model: openai/acme-model-2
              api_key: acme-key-in-clear # changed
              api_base: https://endpoint-2.example/ # changed
              mock_timeout: True # lost
              rpm: 500 # changed
          - model_name: "*" # lost
            litellm_params:
              model: openai/*
              api_key: os.environ/OPENAI_API_KEY
          - model_name: crane-embed
            litellm_params:
              model: mistral/crane-embed
          - model_name: wren-instruct
            litellm_params:
              model: text-completion-openai/wren-3.5-instruct
        litellm_settings:
          drop_params: True # lost
          num_retries: 5 # lost
          request_timeout: 600
          telemetry: False # lost
          context_window_fallbacks: [{"wren-user-test": ["wren-large"]}] # lost
          default_team_settings: # lost
            - team_id: team-1
              success_callback: ["langfuse"]
              langfuse_secret: os.environ/LANGFUSE_SECRET
        finetune_settings: # lost
          - custom_llm_provider: azure
            api_base: os.environ/AZURE_API_BASE
        files_settings: # lost
          - custom_llm_provider: openai
            api_key: os.environ/OPENAI_API_KEY
        router_settings:
          routing_strategy: usage-based-routing-v2 # lost
          redis_host: os.environ/REDIS_HOST # lost
          enable_pre_call_checks: true # lost
          model_group_alias: {"my-alias": "local-endpoint"}
        general_settings:
          master_key: sk-acme # lost
          store_model_in_db: True # lost
          proxy_batch_write_at: 1 # lost
          pass_through_endpoints: # lost
            - path: "/v1/rerank"
              target: "https://api.rerank.example/v1/rerank"
              headers:
                accept: application/json
              forward_headers: True
        """

    /// Reads the configuration that the import has made.
    ///
    /// Each environment variable that it refers to has a different URL or the key `key`.
    private func configuration(_ result: ConfigurationImport) throws -> Configuration {
        let names = PlaceholderEnvironment.references(in: result.yaml).map(\.name)
        let values = names.enumerated().map { index, name in
            (name, name.hasSuffix("URL") ? "http://10.0.1.\(index % 250):8000" : "key")
        }
        return try loaded(result.yaml, environment: Dictionary(values, uniquingKeysWith: { first, _ in first }))
    }

    @Test(arguments: [freeInference, liteLLM])
    func everyLineIsCarriedOverOrNamed(_ file: String) throws {
        let result = try imported(file)
        #expect(result.lines(.notCarriedOver) == lines(marked: "lost", in: file))
        #expect(result.lines(.changed) == lines(marked: "changed", in: file))
    }

    @Test func whatComesOfFreeInferenceIsGood() throws {
        let models = try configuration(try imported(Self.freeInference)).models
        #expect(models.count == 9)
        #expect(models[0].executors.map(\.weight) == [100, 1, 1])
        #expect(models[0].executors.map(\.kind) == [.openai, .ollama, .openai])
        // The provider named after Kimi's coding plan speaks OpenAI's API, so its kind is `openai`.
        #expect(models[3].executors.map(\.kind) == [.openai, .openai])
        #expect(models[3].executors[0].model == "heron-for-coding")
        #expect(models[7].executors.map(\.model) == ["acme/egret-m3", nil])
    }

    @Test func whatComesOfLiteLLMIsGood() throws {
        let models = try configuration(try imported(Self.liteLLM)).models
        #expect(models.map(\.id) == ["plover-embedding", "local-endpoint", "crane-embed", "wren-instruct"])
        #expect(models[1].executors.map(\.weight) == [2, 1] && models[1].aliases == ["my-alias"])
        #expect(models[0].executors[0].apiKey == nil && models[1].executors[0].apiKey == "key")
    }
}
