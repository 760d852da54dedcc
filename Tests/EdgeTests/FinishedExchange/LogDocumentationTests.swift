// The table of docs/log.md that lists the ways in which an exchange can end matches the code.
import Foundation
import Inference
import Testing

@Suite struct LogDocumentationTests {
    private func rows() throws -> [[String]] {
        let root = #filePath.components(separatedBy: "/Tests/")[0]
        let lines = try String(contentsOfFile: root + "/docs/log.md", encoding: .utf8).components(separatedBy: "\n")
        let head = try #require(lines.firstIndex { $0.hasPrefix("| `end` | `side` |") })
        return lines[(head + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.dropFirst().dropLast().components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func eachEndHasItsRow() throws {
        let rows = try rows()
        #expect(rows.first?[0] == "`complete`" && rows.count == Failure.Kind.allCases.count + 1)
        for kind in Failure.Kind.allCases {
            let failure = Failure(kind)
            let row = try #require(rows.first { $0[0] == "`\(failure.label)`" }, "\(failure.label)")
            try #require(row.count == 5 && row[3...].allSatisfy { !$0.isEmpty }, "\(failure.label)")
            // When an engine reports an error, its meaning decides who is at fault and which status the client gets.
            // So the table has no fixed values for this row.
            guard kind != .executorError else { continue }
            #expect(row[1] == failure.side.rawValue && row[2] == "\(failure.status)", "\(failure.label)")
        }
    }
}
