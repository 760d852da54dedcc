// What messages of engines mean: whose fault a missing model, a path, a key, a bill or a limit is.

import Testing

@testable import Inference

@Suite struct ErrorMessageTests {
    /// The message alone, with a status that says little, in the shape that most engines use.
    private func meaning(_ text: String, _ status: Int?, param: String? = nil) -> ErrorMeaning {
        EngineError(status: status, param: param, message: text).meaning
    }

    // MARK: Models

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
        // A particular word outranks what the sentence seems to say.
        let long = EngineError(status: 400, code: "context_length_exceeded", message: "model x is not available")
        #expect(long.meaning == .clientError(400))
    }

    // MARK: Keys and bills

    @Test(arguments: [
        "API key not found. Please pass a valid API key.", "Incorrect API key provided: xa***zz. You can obtain one",
        "API key expired. Please renew the API key.", "Invalid x-api-key", "Your api key has been revoked",
        "You didn't provide an API key.", "Could not validate credentials", "invalid access token",
        "Your API key was reported as leaked. Please use another API key.",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade.",
        "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
        "This organization has been disabled.", "Organization has been restricted. Please reach out to support.",
        "Insufficient Balance", "Insufficient credits. Add more using [address]", "Your account is not active",
        "Your account 'x' was suspended due to insufficient funds", "billing hard limit has been reached",
        "Access denied, please make sure your account is in good standing: overdue payment",
        "Workspace ws_1 is locked", "prepayment credits are depleted", "Your subscription has lapsed",
        "You do not have enough credits", "This project has been suspended",
    ]) func ourKeyAndOurBillAreOurs(text: String) {
        for status in [400, 404, 422, 500, nil] {
            #expect(meaning(text, status) == .misconfiguration, "\(status ?? 200)")
        }
    }

    @Test(arguments: [
        "Unknown parameter: 'api_key'", "Unrecognized request argument supplied: api_key",
        "body.api_key: field required",
        "api_key: Extra inputs are not permitted", "Error retrieving tool list from MCP server: invalid api key",
        "Tool 'account' is disabled", "The tool 'billing' is unknown", "overdue is no member of the enumeration",
        "tools.0.credentials: invalid value for tool",
        "Unbalanced parentheses in grammar",
        "Invalid value: 'team'. Supported values are: 'user'", "The role 'project' is not supported",
    ]) func whatLooksLikeOneIsTheClients(text: String) { #expect(meaning(text, 400) == .clientError(400)) }

    // MARK: Paths

    @Test(arguments: [
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling.",
        "The requested URL /v1/rerank was not found on this server.", "Path not found", "Endpoint not found",
        "URL not found", "HTTP 404 Not Found", "Error 404", "404", "Route POST:/rerank not found",
        "Not Found - /rerank",
        "This endpoint does not exist", "no such route", "No static resource v1/rerank.",
        "No endpoint POST /v1/rerank.",
        "Method not found.", "Unexpected endpoint or method. (POST /v1/rerank)", "Not Found", "404: Not Found",
        "page not found", "File Not Found", "Not found!", "Cannot POST /v1/rerank", "Invalid URL (POST /v1/chat/foo)",
        "Unknown request URL: POST /v1/x. Please check the URL for typos", "no Route matched with those values",
        "No route for that URI", "404 Route Not Found",
        "Path '/v1/rerank' not found. Please ping [address] for routes.",
        "Unsupported endpoint: /rerank", "Requested entity was not found.", "The requested resource was not found",
        "Resource not found", "No handler found for POST /v1/rerank", "Unknown endpoint", "not_found",
        "Missing Authentication Token", "There is no API endpoint at /v1/x",
    ]) func aPathThatIsNotThereIsTold(text: String) { #expect(meaning(text, 404) == .missingPath) }

    @Test(arguments: [
        "No such File object: file-abc", "Response resp_x not found", "Vector store vs_1 was not found",
        "Unknown error",
        "File file-abc not found", "Resource 'batch_1' not found", "Path '/tmp/img.png' not found", "Item not found",
        "Invalid URL: https://x/y.png", "services \"x\" not found", "Image URL not found", "no such file or directory",
        "Endpoint ep_1 of conversation not found", "Batch not found",
    ]) func whatElseIsNotThereIsTheClients(text: String) { #expect(meaning(text, 404) == .clientError(404)) }

    @Test func withoutANumberAPathIsBelieved() {
        #expect(meaning("Unexpected endpoint or method. (POST /v1/rerank)", nil) == .missingPath)
        #expect(meaning("Not Found", nil) == .missingPath)
        for text in ["Error", "Unknown error", "Internal error", "CUDA error", ""] {
            #expect(meaning(text, nil) == .failed(502), "\(text)")
        }
        #expect(meaning("File not found", 500) == .failed(500))
    }

    // MARK: Busy, loading, too long

    @Test(
        arguments: [
            ("Model x is currently loading", 503),
            ("Model too busy, unable to get response in less than 60 second(s)", 503),
            ("AiError: Capacity temporarily exceeded, please try again.", 503), ("loading model", 503),
            ("That model is currently overloaded with other requests.", 503), ("no slot available", 503),
            ("Server is at full capacity", 503), ("Model is being initialized", 503),
            ("We're experiencing high traffic right now! Please try again soon.", 503),
            ("The model is not ready for inference. Wait and try your request again.", 503),
            ("Rate limit reached for gpt-x on tokens per min (TPM): Limit 10, Used 9. Please try again in 2s.", 429),
            ("High concurrency usage of this API", 429), ("Too many tokens, please wait before trying again.", 429),
        ] as [(String, Int)]
    ) func busyIsKnownByItsSentence(text: String, number: Int) {
        #expect(meaning(text, nil) == .busy(number))
        #expect(meaning(text, 503) == .busy(503))
    }

    @Test(arguments: [
        "Error loading model: no such device", "failed loading model", "name resolution failed", "unhealthy",
    ])
    func whatCannotLoadIsNotBusy(text: String) { #expect(meaning(text, 503) == .unavailable(503)) }

    @Test(arguments: [
        "Request exceeded maximum input length 1024", "Prompt is longer than the slot: 9 tokens",
        "The sum of prompt length (1000.0) should not exceed max_num_tokens (512)", "Input has too many tokens",
        "Prompt length 9000 is greater than max length 8192", "the prompt does not fit into the KV cache",
        "Range of input length should be [1, 6000]", "Trying to keep the first 5000 tokens when context the overflows.",
        "This model's maximum prompt length is 131072 but the request contains 155203 tokens.",
    ]) func whatIsTooLongIsTheClients(text: String) {
        #expect(meaning(text, 500) == .clientError(400))
        #expect(meaning(text, nil) == .clientError(400))
    }

    @Test(arguments: [
        "The request took too long to process", "CUDA out of memory: the input exceeds what is free",
        "HTTPConnectionPool: Max retries exceeded with url", "request exceeded its deadline",
        "maximum recursion depth exceeded",
    ]) func otherLimitsAreTheEngines(text: String) { #expect(meaning(text, 500) == .failed(500)) }

    /// Groq and OpenAI call one request that is above the limit of a minute a rate.
    @Test func aRequestAboveTheRateIsTooLarge() {
        let text =
            "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce"
        for status in [413, 429, nil] {
            let error = EngineError(status: status, type: "tokens", code: "rate_limit_exceeded", message: text)
            #expect(error.meaning == .clientError(413))
        }
        #expect(EngineError(status: 413, code: "rate_limit_exceeded").meaning == .clientError(413))
        #expect(EngineError(status: 429, code: "rate_limit_exceeded", message: "slow down").meaning == .busy(429))
    }

    // MARK: Words and members

    @Test(
        arguments: [
            (400, "Unknown name \"streamOptions\": Cannot find field."),
            (422, "body.stream_options: Extra inputs are not permitted"),
            (500, "create() got an unexpected keyword argument 'stream_options'"),
            (501, "stream_options is not implemented"),
            (501, "unexpected keyword argument 'stream_options'"),
            (nil, "Unrecognized request argument supplied: stream_options"),
            (nil, "include_usage is not supported"),
        ] as [(Int?, String)]
    ) func refusalsOfStreamOptionsAreKnown(status: Int?, text: String) {
        let error = EngineError(status: status, message: text)
        #expect(error.refusesStreamOptions)
        #expect(error.classified(in: .openAIChat).side == .client)
    }

    @Test(arguments: [
        (500, "CUDA error"), (500, "crashed while it read stream_options"), (429, "stream_options"),
        (400, "Unknown name \"stream\""), (500, "got an unexpected keyword argument 'foo'"),
    ]) func otherErrorsAreNot(status: Int, text: String) {
        #expect(!EngineError(status: status, message: text).refusesStreamOptions)
    }
}
