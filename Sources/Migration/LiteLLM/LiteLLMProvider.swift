// The providers in LiteLLM's names of models (`PROVIDER/NAME`), and the executor settings that each provider implies.
internal import Configuration

/// The executor settings that follow from the provider in a LiteLLM name, such as `openai` in `openai/gpt-4o`.
struct LiteLLMProvider {
    /// The executor's `kind`, which `LiteLLMImport.executor` may still change according to the URL.
    var kind: ExecutorSettings.Kind
    /// The executor's URL if a model's entry in LiteLLM's file has no `api_base`; nil if the entry must have one.
    var url: String?
    /// The environment variable with the API key that LiteLLM sends if a model's entry in LiteLLM's file names no key.
    ///
    /// Nil if LiteLLM then sends no key.
    var keyVariable: String?
    /// Whether LiteLLM writes the provider's URLs without `/v1`.
    var isWithoutV1 = false

    /// Returns the provider that has this name; nil if the provider's API is neither OpenAI's nor Anthropic's.
    static func named(_ name: String) -> LiteLLMProvider? { table[name] }

    /// Returns the name of the provider that LiteLLM assumes if a model's name does not begin with `PROVIDER/`; nil if
    /// LiteLLM does not know the model.
    static func guessed(for model: String) -> String? {
        if ["claude-", "anthropic."].contains(where: model.hasPrefix) { return "anthropic" }
        let openAI = ["gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-", "dall-e-", "tts-", "whisper-"]
        return openAI.contains(where: model.hasPrefix) ? "openai" : nil
    }

    private static let table: [String: LiteLLMProvider] = [
        "openai": remote("https://api.openai.com", "OPENAI_API_KEY"),
        "text-completion-openai": remote("https://api.openai.com", "OPENAI_API_KEY"),
        "anthropic": LiteLLMProvider(
            kind: .anthropic,
            url: "https://api.anthropic.com",
            keyVariable: "ANTHROPIC_API_KEY",
            isWithoutV1: true
        ),
        "hosted_vllm": LiteLLMProvider(kind: .vllm),
        "vllm": LiteLLMProvider(kind: .vllm),
        "sglang": LiteLLMProvider(kind: .sglang),
        "ollama": LiteLLMProvider(kind: .ollama, url: "http://localhost:11434", isWithoutV1: true),
        "ollama_chat": LiteLLMProvider(kind: .ollama, url: "http://localhost:11434", isWithoutV1: true),
        "llamafile": LiteLLMProvider(kind: .llamaCpp, url: "http://localhost:8080"),
        "llama_cpp": LiteLLMProvider(kind: .llamaCpp),
        "openai_like": LiteLLMProvider(kind: .auto),
        "custom_openai": LiteLLMProvider(kind: .auto),
        "lm_studio": LiteLLMProvider(kind: .auto),
        "xinference": LiteLLMProvider(kind: .auto),
        "litellm_proxy": LiteLLMProvider(kind: .auto),
        "docker_model_runner": LiteLLMProvider(kind: .auto),
        "openrouter": remote("https://openrouter.ai/api", "OPENROUTER_API_KEY"),
        "deepseek": remote("https://api.deepseek.com", "DEEPSEEK_API_KEY"),
        "groq": remote("https://api.groq.com/openai", "GROQ_API_KEY"),
        "mistral": remote("https://api.mistral.ai", "MISTRAL_API_KEY"),
        "together_ai": remote("https://api.together.xyz", "TOGETHERAI_API_KEY"),
        "fireworks_ai": remote("https://api.fireworks.ai/inference", "FIREWORKS_AI_API_KEY"),
        "xai": remote("https://api.x.ai", "XAI_API_KEY"),
        "cerebras": remote("https://api.cerebras.ai", "CEREBRAS_API_KEY"),
        "nvidia_nim": remote("https://integrate.api.nvidia.com", "NVIDIA_NIM_API_KEY"),
        "sambanova": remote("https://api.sambanova.ai", "SAMBANOVA_API_KEY"),
        "moonshot": remote("https://api.moonshot.ai", "MOONSHOT_API_KEY"),
    ]

    private static func remote(_ url: String, _ keyVariable: String) -> LiteLLMProvider {
        LiteLLMProvider(kind: .openai, url: url, keyVariable: keyVariable)
    }
}
