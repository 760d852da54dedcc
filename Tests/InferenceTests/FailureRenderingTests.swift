// Tests how the edge writes a failure as a response body and as an event, in each dialect.

import Inference
import Testing

@Suite struct FailureRenderingTests {
    let stream = StreamIdentity(id: "chatcmpl-1", model: "m", created: 17)

    @Test func hasOpenAIsBody() {
        let failure = Failure(.invalidRequest, "'n' must be \"an integer\".", param: "n")
        #expect(
            text(failure.body(.openAIChat, requestID: "r"))
                == #"{"error":{"message":"'n' must be \"an integer\".","type":"invalid_request_error","param":"n","code":"invalid_request"}}"#
        )
    }

    @Test func hasAnthropicsBody() {
        #expect(
            text(Failure.modelNotFound("x").body(.messages, requestID: "req_1"))
                == #"{"type":"error","error":{"type":"not_found_error","message":"The model 'x' does not exist or you do not have access to it."},"request_id":"req_1"}"#
        )
    }

    @Test func isReportedInAStreamOfChoices() {
        #expect(
            text(Failure(.stall).event(.openAIChat, stream: stream, requestID: "r"))
                == #"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":17,"model":"m","#
                + #""error":{"message":"The model's executor stopped in the midst of its answer.","type":"timeout_error","#
                + #""param":null,"code":504,"metadata":{"error_type":"stall"}},"#
                + #""choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"# + "\n\n"
        )
        let completion = text(Failure(.executorBrokeOff).event(.completions, stream: stream, requestID: "r"))
        #expect(completion.contains(#""object":"text_completion""#))
        #expect(completion.hasSuffix(#""choices":[{"index":0,"text":"","finish_reason":"error"}]}"# + "\n\n"))
    }

    @Test func isReportedInTheOtherDialects() {
        let message = text(Failure(.executorBrokeOff).event(.messages, stream: stream, requestID: "r"))
        #expect(message.hasPrefix("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","))
        #expect(message.hasSuffix("\"request_id\":\"r\"}\n\n"))
        let response = text(Failure(.executorBrokeOff).event(.responses, stream: stream, requestID: "r"))
        #expect(response.hasPrefix("event: response.failed\ndata: {\"type\":\"response.failed\","))
        #expect(response.contains(#""status":"failed","error":{"code":"server_error","#))
    }

    @Test(arguments: Dialect.allCases) func isAnErrorToTheMeterOfItsOwnDialect(dialect: Dialect) {
        let scanner = JSONScanner()
        var meter = Meter(dialect: dialect)
        let event = Failure(.executorBrokeOff).event(dialect, stream: stream, requestID: "r")
        let kind = meter.read(event.span, at: 1, scanner: scanner)
        #expect(kind == (dialect == .responses ? .end : .error))
        #expect(meter.sawError)
        #expect(meter.error?.message == "The model's executor broke off.")
    }
}
