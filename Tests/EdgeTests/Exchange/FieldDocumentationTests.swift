// Compares the tables of docs/fields.md with the header fields that are actually passed on.

import Configuration
import Foundation
import HTTP
import Inference
import Testing

@testable import Edge

@Suite struct FieldDocumentationTests {
    private struct Row {
        let name: String
        let sent: String
        /// The value with which the edge passes the field on; nil if the edge drops the field.
        let got: String?
    }

    /// The rows of the table under a heading of docs/fields.md.
    ///
    /// The first column is a field `name: value`, the last column is the value that the edge forwards.
    private func rows(under heading: String) throws -> [Row] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/fields.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(page.range(of: "\n### \(heading)\n"))
        let section = page[start.upperBound...]
        let end = section.range(of: "\n#")?.lowerBound ?? section.endIndex
        return try section[..<end].matches(of: /(?m)^\| `([^:`]+): ([^`]*)` \| [^|]* \| ([^|]*) \|$/).map { match in
            let sent = String(match.2)
            let cell = String(match.3)
            let got: String? =
                switch cell {
                case "nothing": nil
                case "the same": sent
                default: String(try #require(cell.firstMatch(of: /^`(.*)`$/)?.1))
                }
            return Row(name: String(match.1), sent: sent, got: got)
        }
    }

    /// Compares the header fields that the edge forwards with the rows of a table in the documentation, in order.
    private func compare(_ rows: [Row], with fields: FieldBlock) {
        var values: [String: [String]] = [:]
        for line in lines(fields) {
            let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
            values[parts[0], default: []].append(parts[1])
        }
        for row in rows {
            let got = values[row.name]?.first
            if got != nil { values[row.name]?.removeFirst() }
            #expect(got == row.got, "\(row.name)")
        }
    }

    @Test func whatAnEngineGetsIsDocumented() throws {
        let rows = try rows(under: "From a client to an engine")
        #expect(rows.count > 50)
        let sent = FieldPolicy.toExecutor(
            block(rows.map { ($0.name, $0.sent) }),
            forwarded: ForwardedFields([]),
            version: .http11,
            requestID: "client-chosen-1",
            instance: "freeinference-0",
            credential: ExecutorCredential(key: "engine-key", kind: .auto)
        )
        compare(rows, with: sent)
        // Each header field that the edge knows and forwards must be in the table.
        let documented = Set(rows.map(\.name))
        for known in FieldName.allCases where known != .other {
            let name = String(describing: known.text)
            if !forwarded([(name, "v")]).isEmpty { #expect(documented.contains(name), "\(name)") }
        }
    }

    @Test func whatAClientGetsIsDocumented() throws {
        let rows = try rows(under: "From an engine to a client")
        #expect(rows.count > 40)
        let date = try #require(rows.first { $0.name == "date" }?.got)
        let answer = ResponseFields(requestID: "client-chosen-1", dialect: .openAIChat, crossOrigin: nil).relayed(
            ResponseHead(status: 200, fields: block(rows.map { ($0.name, $0.sent) })),
            isEventStream: false,
            length: nil,
            date: date
        )
        compare(rows, with: answer)
        let documented = Set(rows.map(\.name) + ["content-encoding"])
        for known in FieldName.allCases where known != .other {
            let name = String(describing: known.text)
            let passed = FieldPolicy.toClient(
                block([(name, "v")]),
                isEventStream: false,
                requestID: "r",
                dialect: .openAIChat
            )
            if lines(passed) != ["x-request-id: r"] { #expect(documented.contains(name), "\(name)") }
        }
    }
}
