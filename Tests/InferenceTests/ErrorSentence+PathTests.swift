// Tests how engines' error messages about a missing path are understood.
import Testing

@testable import Inference

@Suite struct ErrorSentencePathTests {
    /// What the edge concludes from an engine's error message, when the error has only this message, a status and
    /// perhaps a parameter.
    private func meaning(_ text: String, _ status: Int?, param: String? = nil) -> ErrorMeaning {
        EngineError(status: status, param: param, message: text).meaning
    }

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
}
