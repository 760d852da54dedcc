// The JSON shapes in which engines report an error.
import Foundation
import Testing

@testable import Inference

@Suite struct EngineErrorShapesTests {
    private func error(_ text: String, status: Int? = nil) -> EngineError {
        EngineError(status: status, body: Array(text.utf8).span)
    }

    @Test func readsTheShapesOfEngines() {
        let openAI = error(#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#)
        #expect(openAI.message == "m" && openAI.type == "t" && openAI.param == "p" && openAI.code == "c")
        let numbers = error(#"{"error":{"message":"m","code":"503"},"code":400}"#)
        #expect(numbers.namedStatus == 503 && numbers.code == nil)
        let flat = error(#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":40001}"#)
        #expect(flat.message == "m" && flat.type == "BadRequestError")
        #expect(flat.code == "40001" && flat.namedStatus == nil)
        let fastAPI = error(#"{"detail":[{"loc":["body","n",0],"msg":"Input should be","type":"int_type"}]}"#)
        #expect(fastAPI.message == "body.n.0: Input should be" && fastAPI.param == "body.n.0")
        let tgi = error(#"{"error":"full","error_type":"overloaded"}"#)
        #expect(tgi.message == "full" && tgi.type == "overloaded")
        let bedrock = error(#"{"__type":"com.amazon#ThrottlingException","message":"m"}"#)
        #expect(bedrock.type == "ThrottlingException")
        let mistral = error(
            #"{"object":"error","message":{"detail":[{"loc":["body"],"msg":"x"}]},"type":"y","raw_status_code":422}"#
        )
        #expect(mistral.message == "body: x" && mistral.namedStatus == 422)
        let google = error(
            #"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"@type":"x","reason":"API_KEY_INVALID"}]}}]"#
        )
        #expect(google.namedStatus == 400 && google.code == "API_KEY_INVALID" && google.meaning == .misconfiguration)
    }

    @Test func furtherShapesAreRead() {
        let bedrock = error(#"{"throttlingException":{"message":"Rate exceeded"}}"#)
        #expect(bedrock.meaning == .busy(429) && bedrock.message == "Rate exceeded")
        #expect(error(#"{"validationException":{"message":"no"}}"#).meaning == .clientError(400))
        #expect(error(#"{"fault":{"faultstring":"Rate limit quota violation"}}"#).meaning == .busy(429))
        let miniMax = #"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#
        #expect(error(miniMax).meaning == .misconfiguration)
        #expect(error(#"{"error_code":10402,"text":"The request timed out."}"#).message == "The request timed out.")
    }

    @Test func readsEventsAndLines() {
        #expect(error("event: error\ndata: {\"error\":{\"message\":\"m\"}}\n\n").message == "m")
        #expect(error("data: {\"error\":\ndata: \"m\"}\n\ndata: [DONE]\n\n").message == "m")
        #expect(error("event: error\ndata: overloaded\n\n").message == "overloaded")
        #expect(error("error: {\"message\":\"m\",\"code\":503}\n\n").namedStatus == 503)
        #expect(error("\n {\"error\":\"m\"}\n").message == "m")
        #expect(error("event: error\n\n").message == nil)
        #expect(error("", status: 500).message == nil)
        #expect(error("<html>gone</html>", status: 502).message == nil)
        #expect(error("no healthy engine", status: 503).message == "no healthy engine")
    }

    /// Only the beginning of a large error body is read, because an engine may quote a prompt of megabytes in its
    /// error.
    @Test func readsTheBeginningOfWhatIsLarge() {
        for cut in [
            #"{"error":{"message":"\#(String(repeating: "é\\n", count: 40_000))","type":"x"}}"#,
            #"{"detail":[{"loc":["body"],"msg":"bad","input":"\#(String(repeating: "x", count: 70_000))"}]}"#,
        ] {
            let found = error(cut, status: 400)
            #expect(found.message != nil && found.message!.utf8.count <= EngineError.messageMax)
            #expect(found.document == nil && found.classified(in: .openAIChat).status == 400)
        }
        #expect(error(#"{"error":{"message":"a\"#, status: 400).message == "a")
        #expect(error(#"{"error":{"message":"a\u00e"#, status: 400).message == "a")
        #expect(error(#"{"error":{"message""#, status: 400).message == #"{"error":{"message""#)
    }
}
