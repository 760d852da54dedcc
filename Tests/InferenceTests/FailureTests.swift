// Failures in each dialect, and the table behind them.

import Inference
import Testing

@Suite struct FailureTests {
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

    @Test func tellsOfItselfInAStreamOfChoices() {
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

    @Test func tellsOfItselfInTheOtherDialects() {
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

    @Test(arguments: Failure.Kind.allCases) func everyKindHasItsRow(kind: Failure.Kind) {
        let failure = Failure(kind)
        #expect((400...599).contains(failure.status))
        #expect(failure.message.hasSuffix("."))
        #expect(failure.label.allSatisfy { $0.isLowercase || $0 == "_" })
        if failure.side == .client { #expect(failure.retry == .never && failure.status != 502) }
        if failure.side == .executor { #expect(failure.status >= 502) }
        #expect(Failure.Kind.allCases.count { $0.label == kind.label } == 1)
    }

    /// What another executor could mend goes to one; what the request itself causes does not.
    @Test func sayWhetherAnotherExecutorMayTry() {
        for kind in [Failure.Kind.executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol] {
            #expect(Failure(kind).retry == .elsewhere)
        }
        #expect(Failure(.firstEventTimeout).retry == .withinBudget)
        for status in [429, 502, 503, 504] { #expect(Failure(executorStatus: status).retry == .withinBudget) }
        #expect(Failure(executorStatus: 500).retry == .once && Failure(executorStatus: 404).retry == .otherKind)
        for status in [400, 408, 413, 422, 501] { #expect(Failure(executorStatus: status).retry == .never) }
        var ours = Failure(executorStatus: 502)
        ours.isOfOurConfiguration = true
        #expect(ours.retry == .elsewhere)
        for kind in [Failure.Kind.responseTimeout, .stall, .memory, .overloaded, .draining, .queueFull] {
            #expect(Failure(kind).retry == .never)
        }
    }

    @Test func passesWhatTheClientCausedAndScrubsTheRest() {
        let own = Failure(executorStatus: nil, StreamError(code: 400, message: "context too long"))
        #expect(own.status == 400 && own.message == "context too long")
        #expect(own.side == .client && own.retry == .never)
        let full = Failure(executorStatus: nil, StreamError(code: 503, message: "queue at 10.0.0.5 is full"))
        #expect(full.status == 503 && !full.message.contains("10.0.0.5"))
        #expect(full.side == .executor && full.retry == .withinBudget)
        let inner = Failure(executorStatus: 500, StreamError(message: "CUDA error on 10.0.0.5"))
        #expect(inner.status == 500 && !inner.message.contains("CUDA") && inner.side == .executor)
        let credential = Failure(executorStatus: 403, StreamError(message: "the key of 10.0.0.5"))
        #expect(!credential.message.contains("10.0.0.5"))
        #expect(Failure(executorStatus: 200, StreamError()).status == 502)
    }

    @Test func writesJSONThatIsValid() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(named: "a\"\\\n\u{1}é")
        writer.value("x\t\r\u{7F}")
        writer.key("list")
        writer.beginArray()
        writer.value(1)
        writer.value(-2.5)
        writer.value(Double.infinity)
        writer.value(true)
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.raw("[]".utf8)
        writer.endArray()
        writer.field("s", nil)
        writer.field("ms", hundredths: 1205)
        writer.field("none", hundredths: 7)
        writer.endObject()
        #expect(
            text(writer.bytes)
                == #"{"a\"\\\n\u0001é":"x\t\r\u007f","list":[1,-2.5,null,true,null,{},[]],"s":null,"ms":12.05,"none":0.07}"#
        )
    }
}
