// How the `type` and `code` values of engines' errors are classified.

import Testing

@testable import Inference

@Suite struct ErrorCodeTableTests {
    /// Each word is tried as an error's `code`, as its `type`, and as the `type` of an error with status 500.
    ///
    /// The word says more than the status, so it decides how the error is classified.
    @Test(arguments: [
        ("client", "context_length_exceeded ContextWindowExceededError string_above_max_length content_filter flagged"),
        ("client", "invalid_prompt json_validate_failed ResponsibleAIPolicyViolation previous_response_not_found"),
        ("client", "unsupported_parameter invalid_base64_image VALIDATION_ERROR InvalidArgument unprocessable_entity"),
        ("busy", "rate_limit_error RateLimitReached too_many_requests RESOURCE_EXHAUSTED ThrottlingException"),
        ("busy", "OverloadedError server_is_overloaded slow_down NoCapacity ModelNotReadyException queue_full"),
        ("answer", "service_unavailable UNAVAILABLE no_available_workers bad_gateway DEADLINE_EXCEEDED timeout_error"),
        ("502", "invalid_api_key AuthenticationError permission_denied billing_error insufficient_credits auth_error"),
        ("502", "model_not_found DeploymentNotFound ModelNotExist unsupported_country_region_territory"),
        ("suspect", "server_error InternalServerError api_error incomplete_generation ModelErrorException oom"),
    ]) func knowsTheWordsOfManyEngines(meaning: String, words: String) {
        for word in words.split(separator: " ").map(String.init) {
            for error in [EngineError(code: word), EngineError(type: word), EngineError(status: 500, type: word)] {
                let failure = error.classified(in: .openAIChat)
                switch meaning {
                case "client": #expect(failure.side == .client && (400..<500).contains(failure.status), "\(word)")
                case "502": #expect(failure.status == 502 && failure.retry == .elsewhere, "\(word)")
                default: #expect("\(failure.charge)" == meaning, "\(word)")
                }
            }
        }
    }

    @Test(arguments: [
        ("ours", "model_decommissioned model_terms_required organization_restricted account_suspended api_key_expired"),
        (
            "ours",
            "InvalidEndpointOrModel.NotFound model_not_deployed insufficient_account_balance invalid_token Arrearage"
        ),
        (
            "client",
            "prompt_too_long context_overflow SensitiveContentDetected DataInspectionFailed input_tokens_exceeded"
        ),
        ("busy", "service_tier_capacity_exceeded queue_exceeded user_rate_limit_hit tokens_per_minute_exceeded"),
        ("unknown", "invalid_model_output model_response_not_found project_created token_bucket tokens"),
    ]) func wordsAreKnownByTheirParts(meaning: String, words: String) {
        for word in words.split(separator: " ").map(String.init) {
            switch EngineError(code: word).meaning {
            case .misconfiguration: #expect(meaning == "ours", "\(word)")
            case .clientError: #expect(meaning == "client", "\(word)")
            case .busy: #expect(meaning == "busy", "\(word)")
            default: #expect(meaning == "unknown", "\(word)")
            }
        }
    }
}
