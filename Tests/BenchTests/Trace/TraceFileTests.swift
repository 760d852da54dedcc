// Tests reading traces of requests, in Mooncake's and Azure's format, and the errors for invalid ones.
import Testing

@testable import Bench

@Suite struct TraceFileTests {
    private static let mooncake = """
        {"timestamp": 3052, "input_length": 1025, "output_length": 3, "hash_ids": [0, 7, 182789]}
        {"timestamp": 27.5, "input_length": 512, "output_length": 0, "hash_ids": [0], "more": null}

        {"timestamp": 3052, "input_length": 1, "output_length": 9, "hash_ids": [4]}
        """
    private static let azure = """
        TIMESTAMP,ContextTokens,GeneratedTokens\r
        2023-11-16 18:17:04.0319600,3180,8\r
        2023-11-16 18:17:03.9799600,4808,10\r
        2024-02-29 23:59:59,1,0\r
        """

    private func parse(_ text: String, _ format: TraceFormat? = nil) throws -> TraceFile {
        try TraceFile(Array(text.utf8), name: "trace", format: format)
    }

    @Test func requestsOfMooncakeAreInTheOrderOfTheirTimes() throws {
        let trace = try parse(Self.mooncake)
        #expect(trace.format == .mooncake)
        #expect(
            trace.requests == [
                TraceFile.Request(time: 0, inputTokens: 512, outputTokens: 0, blocks: 3..<4),
                TraceFile.Request(time: 3_024_500_000, inputTokens: 1025, outputTokens: 3, blocks: 0..<3),
                TraceFile.Request(time: 3_024_500_000, inputTokens: 1, outputTokens: 9, blocks: 4..<5),
            ]
        )
        #expect(trace.blockNumbers == [0, 7, 182_789, 0, 4])
    }

    @Test func requestsOfAzureHaveNoBlocks() throws {
        let requests = try parse(Self.azure.replacing("2024-02-29 23:59:59", with: "2023-11-16 18:17:05")).requests
        #expect(requests.map(\.time) == [0, 52_000_000, 1_020_040_000])
        #expect(requests.map(\.inputTokens) == [4808, 3180, 1] && requests.map(\.outputTokens) == [10, 8, 0])
        #expect(requests.allSatisfy { $0.blocks.isEmpty })
    }

    /// Azure's trace of 2024 has microseconds and a time zone.
    @Test func timesMayHaveAZone() throws {
        let rows = "2024-05-10 00:00:00.009930+00:00,5,5\n2024-05-10 00:00:00.010031+00:00,6,6"
        #expect(try parse("\(TraceFormat.azureHeader)\n\(rows)").requests.map(\.time) == [0, 101_000])
    }

    @Test func theFormatMayBeGiven() throws {
        #expect(try parse(Self.mooncake, .mooncake).requests.count == 3)
        #expect(throws: BenchError.self) { try parse(Self.mooncake, .azure) }
        #expect(throws: BenchError.self) { try parse(Self.azure, .mooncake) }
    }

    @Test(arguments: [
        ("", "trace: the trace has no requests"),
        ("\n \r\n", "trace: the trace has no requests"),
        (TraceFormat.azureHeader, "trace: the trace has no requests"),
        ("hello", "trace, line 1: neither a JSON object nor TIMESTAMP,ContextTokens,GeneratedTokens"),
        ("\n{\"timestamp\": 0,", "trace, line 2: not valid JSON"),
        ("{}", "trace, line 1: timestamp is missing"),
        (#"{"timestamp": 1}"#, "trace, line 1: input_length is missing"),
        (#"{"timestamp": 1, "input_length": 1}"#, "trace, line 1: output_length is missing"),
        (#"{"timestamp": 1, "input_length": 1, "output_length": 1}"#, "trace, line 1: hash_ids is missing"),
        (#"{"timestamp": -1}"#, "trace, line 1: timestamp is not a number of milliseconds from 0"),
        (#"{"timestamp": "1"}"#, "trace, line 1: timestamp is not a number of milliseconds from 0"),
        (#"{"timestamp": 1e300}"#, "trace, line 1: timestamp is not a number of milliseconds from 0"),
        (
            #"{"timestamp": 1, "input_length": 0}"#,
            "trace, line 1: input_length is not a whole number from 1 to 4194304"
        ),
        (
            #"{"timestamp": 1, "input_length": 1.5}"#,
            "trace, line 1: input_length is not a whole number from 1 to 4194304"
        ),
        (
            #"{"timestamp": 1, "input_length": 9, "output_length": -1}"#,
            "trace, line 1: output_length is not a whole number from 0 to 4194304"
        ),
        (
            #"{"timestamp": 1, "input_length": 9, "output_length": 1, "hash_ids": 3}"#,
            "trace, line 1: hash_ids is not an array"
        ),
        (
            #"{"timestamp": 1, "input_length": 513, "output_length": 1, "hash_ids": [3]}"#,
            "trace, line 1: hash_ids has 1 elements, but input_length 513 makes 2 of 512 tokens each"
        ),
        (
            #"{"timestamp": 1, "input_length": 9, "output_length": 1, "hash_ids": [-3]}"#,
            "trace, line 1: hash_ids has an element that is not a whole number from 0"
        ),
        ("TIMESTAMP,ContextTokens", "trace, line 1: the header is not TIMESTAMP,ContextTokens,GeneratedTokens"),
    ])
    func aWrongLineIsNamed(text: String, message: String) {
        #expect(throws: BenchError.self, "\(text)") { try parse(text) }
        #expect(problem(text) == message)
    }

    @Test(arguments: [
        ("2023-11-16 18:17:03.97", "2 fields in place of 3"),
        ("2023-11-16 18:17:03.97,1,1,1", "5 fields in place of 3"),
        ("", "2 fields in place of 3"),
        ("2023-11-16,1", "TIMESTAMP is not a time such as 2023-11-16 18:17:03.9799600"),
        ("2023-02-30 18:17:03,1", "TIMESTAMP is not a time such as 2023-11-16 18:17:03.9799600"),
        ("2023-11-16 18:17:03.,1", "TIMESTAMP is not a time such as 2023-11-16 18:17:03.9799600"),
        ("2023-11-16 18:17:03.1234567890,1", "TIMESTAMP is not a time such as 2023-11-16 18:17:03.9799600"),
        ("2023-11-16 18:17:03.-1,1", "TIMESTAMP is not a time such as 2023-11-16 18:17:03.9799600"),
        ("2023-11-16 18:17:03,-4", "ContextTokens is not a whole number from 1 to 4194304"),
        ("2023-11-16 18:17:03,", "ContextTokens is not a whole number from 1 to 4194304"),
    ])
    func aWrongRowIsNamed(row: String, message: String) {
        #expect(problem("\(TraceFormat.azureHeader)\n\(row),7") == "trace, line 2: \(message)")
    }

    @Test func aTraceLastsAtMostAMonth() throws {
        #expect(problem(Self.azure) == "trace: the first and the last request are more than 31 days apart")
    }

    /// A line becomes a tree of JSON values, so its length limits the memory of the bench.
    @Test func aLongLineIsRefused() {
        let spaces = String(repeating: " ", count: 1 << 20)
        #expect(problem("{\(spaces)}") == "trace, line 1: longer than 1 MiB")
    }

    private func problem(_ text: String) -> String? {
        do {
            _ = try parse(text)
            return nil
        } catch { return "\(error)" }
    }
}
