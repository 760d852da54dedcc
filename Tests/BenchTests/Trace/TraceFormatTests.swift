// In which format a trace (a file of recorded requests) is written, recognized by its content.
import Testing

@testable import Bench

@Suite struct TraceFormatTests {
    private static let lines: [(String, TraceFormat?)] = [
        ("{\"timestamp\": 0}", .mooncake), ("{", .mooncake), (TraceFormat.azureHeader, .azure),
        ("TIMESTAMP,Other", .azure), ("timestamp,", nil), ("[1]", nil), ("", nil),
    ]

    @Test(arguments: lines) func theFirstLineShowsTheFormat(line: String, format: TraceFormat?) {
        #expect(TraceFormat(firstLine: line.utf8) == format)
    }
}
