// Tests how the edge reads and classifies errors of engines. Most cases are rows of docs/engine-errors.md.

import Foundation
import Testing

@testable import Inference

@Suite struct EngineErrorTests {
    private func error(_ text: String, status: Int? = nil) -> EngineError {
        EngineError(status: status, body: Array(text.utf8).span)
    }

    // MARK: The table in docs/engine-errors.md

    /// One row of the table: an engine's error response, and the cells that say how the edge classifies it.
    struct Row: Sendable, CustomTestStringConvertible {
        var said: String
        var cells: [String]
        var testDescription: String { said }

        static let all: [Row] = {
            let root = #filePath.components(separatedBy: "/Tests/")[0]
            let text = (try? String(contentsOfFile: root + "/docs/engine-errors.md", encoding: .utf8)) ?? ""
            let lines = text.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
            return lines.flatMap { line -> [Row] in
                let cells = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
                let said = cells[0].components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }
                return said.map { Row(said: $0.element, cells: Array(cells.dropFirst())) }
            }
        }()
    }

    @Test func theTableHasItsRows() { #expect(Row.all.count > 50) }

    @Test(arguments: Row.all) func isClassifiedAsDocumented(row: Row) throws {
        let status = try #require(Int(row.said.prefix(3)))
        let body = String(row.said.dropFirst(4))
        try #require(row.cells.count == 4)
        for dialect in Dialect.allCases {
            let error = error(body, status: status == 200 ? nil : status)
            let failure = error.classified(in: dialect)
            var expected = row.cells[0].replacingOccurrences(of: ", text", with: "")
            if let special = expected.firstRange(of: ", messages ") {
                expected =
                    dialect.isAnthropic
                    ? String(expected[special.upperBound...]) : String(expected[..<special.lowerBound])
            }
            #expect(expected == "the same" ? failure.status == status : "\(failure.status)" == expected)
            let message = error.message ?? "-"
            let shownText = text(failure.body(dialect, requestID: "r"))
            let passes = row.cells[0].hasSuffix(", text")
            let shown = JSONValue(parsing: Array(shownText.utf8))?["error"]?["message"]?.string ?? ""
            #expect((shown == message) == passes, "\(shownText)")
            #expect("\(failure.side)" == row.cells[1])
            #expect(Self.words["\(failure.retry)"] == row.cells[2])
            #expect("\(failure.charge)" == row.cells[3])
            #expect((failure.detail == nil) == (failure.side == .client))
        }
    }

    private static let words = [
        "never": "never", "elsewhere": "elsewhere", "withinBudget": "within budget", "once": "once",
        "otherKind": "other kind",
    ]

    // MARK: The error document for the client

    @Test func keepsFurtherMembersWhereTheShapeIsTheDialects() {
        let body = #"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_ctx":8}}"#
        let failure = error(body, status: 400).classified(in: .openAIChat)
        #expect(text(failure.body(.openAIChat, requestID: "r")) == body)
        let other = error(body, status: 400).classified(in: .messages)
        #expect(
            text(other.body(.messages, requestID: "r"))
                == #"{"type":"error","error":{"type":"invalid_request_error","message":"too long"},"request_id":"r"}"#
        )
        let anthropic = #"{"type":"error","error":{"type":"invalid_request_error","message":"no","details":{"x":1}}}"#
        let passed = error(anthropic).classified(in: .messages)
        #expect(text(passed.body(.messages, requestID: "r")) == anthropic)
        #expect(
            !text(error(anthropic).classified(in: .openAIChat).body(.openAIChat, requestID: "r")).contains("details")
        )
        // The edge passes on an engine's error, except that it removes addresses: only the string that contains one is
        // written anew.
        let leak =
            #"{"error":{"message":"at http:\/\/10.0.0.5:8000\/x \u00e9","type":"BadRequestError", "code":400,"n":1.50}}"#
        #expect(
            text(error(leak, status: 400).classified(in: .openAIChat).body(.openAIChat, requestID: "r"))
                == #"{"error":{"message":"at [address] é","type":"BadRequestError", "code":400,"n":1.50}}"#
        )
    }

    @Test func keepsCodeAndParamInOtherShapes() {
        let failure = error(#"{"object":"error","message":"no","param":"n","code":"unsupported_value"}"#, status: 400)
            .classified(in: .openAIChat)
        #expect(
            text(failure.body(.openAIChat, requestID: "r"))
                == #"{"error":{"message":"no","type":"invalid_request_error","param":"n","code":"unsupported_value"}}"#
        )
        let event = text(
            failure.event(.openAIChat, stream: StreamIdentity(id: "i", model: "m", created: 1), requestID: "r")
        )
        #expect(event.contains(#""error":{"message":"no","type":"invalid_request_error","param":"n","code":400"#))
    }

    // MARK: Retry delays

    @Test func saysWhenToComeBack() {
        let bodies = [
            #"{"error":{"message":"Rate limit reached. Please try again in 1.2s."}}"#: 1_200,
            #"{"error":{"message":"Please try again in 7m12s. More."}}"#: 432_000,
            #"{"error":{"message":"Try again in 5 seconds."}}"#: 5_000,
            #"{"error":{"message":"m","retry_after":2.5}}"#: 2_500,
            #"{"message":"m","retry_after_ms":2500}"#: 2_500,
            #"{"error":{"details":[{"@type":"t/google.rpc.RetryInfo","retryDelay":"36.5s"}]}}"#: 36_500,
            #"{"error":{"metadata":{"headers":{"Retry-After":"7"}}}}"#: 7_000,
            #"{"error":{"message":"try again in 20ms"}}"#: 1_000,
            #"{"error":{"type":"usage_limit_reached","message":"m","resets_in_seconds":720}}"#: 720_000,
            #"{"error":{"message":"try again in 20 days"}}"#: 3_600_000,
            #"{"error":"Model x is currently loading","estimated_time":20.5}"#: 20_500,
            #"{"message":"Please wait for 12 seconds before retrying"}"#: 12_000,
            #"{"message":"Please try again in about 30 seconds"}"#: 30_000,
            #"{"message":"Wait at least 2 minutes."}"#: 120_000,
        ]
        for (body, milliseconds) in bodies { #expect(error(body).retryAfterMs == milliseconds, "\(body)") }
        #expect(error(#"{"error":{"message":"try again later"}}"#).retryAfterMs == nil)
        let failure = error(#"{"error":{"message":"m","code":429,"retry_after":2.5}}"#).classified(in: .openAIChat)
        #expect(failure.retryAfter == 3 && failure.retryAfterMs == 2_500)
    }
}
