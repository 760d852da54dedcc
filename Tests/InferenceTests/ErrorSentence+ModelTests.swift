// Tests how engines' error messages about a missing model are understood: the client or the configuration is at fault.
import Testing

@testable import Inference

@Suite struct ErrorSentenceModelTests {
    /// What the edge concludes from an engine's error message, when the error has only this message, a status and
    /// perhaps a parameter.
    private func meaning(_ text: String, _ status: Int?, param: String? = nil) -> ErrorMeaning {
        EngineError(status: status, param: param, message: text).meaning
    }

    @Test(arguments: [
        "The provided model identifier is invalid.",
        "Could not resolve the foundation model from the provided model identifier.",
        "Invocation of model ID anthropic.claude-x with on-demand throughput isn\u{2019}t supported. Retry your request.",
        "No models loaded. Please load a model in the developer page.", "Model unloaded.", "No model loaded",
        "Could not find model x", "Cannot find model `x`.", "can't find any model named x", "No model named x",
        "No model with name 'x' is registered", "Unsupported model: x", "Model x is not supported",
        "The 'gpt-9' model is not supported by this server", "The specified model x could not be found",
        "The model `mixtral-8x7b` has been decommissioned and is no longer supported. Please refer to [address]",
        "model 'x' has been retired", "The model x has been deprecated", "The model `x` requires terms acceptance.",
        "No endpoints found matching your data policy (Free model publication). Configure: [address]",
        "No endpoints found for vendor/model.", "model \"llama9\" not found, try pulling it first",
        "Model x not found. Available models: []", "x is not a valid model ID", "no available model: x",
        "The model grok-9 does not exist or your team 1234 does not have access to it.",
        "LoRA adapter x is not loaded", "Loading lora x failed: No adapter found for /nope", "Model Not Exist",
        "models/gemini-9 is not found for API version v1main, or is not supported for generateContent. Call ListModels",
        "Publisher Model `projects/p/models/x` was not found or your project does not have access to it.",
        "You don't have access to the model with the specified model ID.", "Not found the model x or Permission denied",
        "The API deployment for this resource does not exist.",
        "litellm.NotFoundError: model x:latest is not available",
        "Invalid model name passed in model=nope. Call `/v1/models` to view available models.",
        "The model or endpoint x does not exist or you do not have access to it.", "unknown model: x",
        "The model you requested does not exist", "Function 'f3b1': Not found for account 'AcCt'",
        "{\"error\":{\"message\":\"The model `x` does not exist.\"}}", "模型不存在，请检查模型代码", "Engine not found",
        "Model x is not available in your region", "This model has reached its end of life.",
        "Requested model 'x' is not in the list of served models", "The model 'x' does not match any served model",
    ]) func aModelThatIsNotThereIsOurConfiguration(text: String) {
        for status in [400, 404, 422, 500, nil] {
            #expect(meaning(text, status) == .misconfiguration, "\(status ?? 200)")
        }
        let failure = EngineError(message: text).classified(in: .openAIChat)
        #expect(failure.status == 502 && failure.charge == .none && failure.retry == .elsewhere)
    }

    @Test(arguments: [
        "The model returned the following errors: Malformed input request: #: required key [messages] not found, please",
        "Tool 'model_lookup' not found", "Reasoning item rs_1 of model response not found",
        "Previous response with id 'resp_1' not found. The model cannot continue; state does not exist",
        "The prompt template pmpt_1 does not exist", "Item 'rs_1' of type 'reasoning' not found for model response",
        "The image at /tmp/x could not be found for this model", "Conversation with id 'conv_1' not found.",
        "No endpoints found that support tool use. To learn more about provider routing, visit: [address]",
        "No endpoints found that can handle the requested parameters.",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean v1/completions?",
        "'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
        "The model `x` is not supported when `tools` is set", "Model x is not available for tool use",
        "Streaming for model x is not supported", "Function 'x' called by the model does not exist",
        "Please use a valid role: user, model.", "The role model is not supported", "Invalid model parameters: n",
        "The model produced invalid content", "The model has an unknown problem with your schema",
        "The chatCompletion operation does not work with the specified model, text-embedding-3.",
        "Invalid value for 'model_kwargs'", "No tool output found for function call call_1.",
        "File model.pdf not found in the vector store", "Model output is not valid JSON for the schema",
        "Unknown tool type for this model: x", "json_schema is invalid: model field missing",
        "Message 3: image not found",
    ]) func whatTheClientNamesIsTheClients(text: String) {
        #expect(meaning(text, 400) == .clientError(400))
        #expect(meaning(text, 404) == .clientError(404))
        #expect(meaning(text, 422) == .clientError(422))
    }

    @Test func aModelThatTheClientPutIntoAPartOfItsRequestIsTheClients() {
        let text = "The model 'gpt-image-9' does not exist."
        #expect(meaning(text, 400, param: "tools[0].model") == .clientError(400))
        #expect(meaning(text, 404, param: "tools[0].model") == .clientError(404))
        #expect(meaning(text, 404, param: "model") == .misconfiguration)
        let word = EngineError(status: 400, code: "model_not_found", param: "tools[0].model", message: text)
        #expect(word.meaning == .clientError(400))
        // A specific error code of the engine decides, even if the message sounds like a missing model.
        let long = EngineError(status: 400, code: "context_length_exceeded", message: "model x is not available")
        #expect(long.meaning == .clientError(400))
    }
}
