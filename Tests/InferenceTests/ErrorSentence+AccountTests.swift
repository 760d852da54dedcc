// Tests how error messages of engines about API keys and payment are understood.
import Testing

@testable import Inference

@Suite struct ErrorSentenceAccountTests {
    /// What the edge concludes from an engine's error message, when the error has only this message, a status and
    /// perhaps a parameter.
    private func meaning(_ text: String, _ status: Int?, param: String? = nil) -> ErrorMeaning {
        EngineError(status: status, param: param, message: text).meaning
    }

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
}
