// How error messages of engines are classified: busy, loading, too long, refused members.
import Testing

@testable import Inference

@Suite struct ErrorMessageTests {
    /// How an error is classified that has only a message and a status, and neither a code nor a type.
    private func meaning(_ text: String, _ status: Int?, param: String? = nil) -> ErrorMeaning {
        EngineError(status: status, param: param, message: text).meaning
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

    /// Groq and OpenAI report a single request above the per-minute token limit as a rate limit; a retry would not
    /// help.
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
