// Which request is sent for each line of a trace, and the command line that repeats the same run.
import Inference
import Testing

@testable import Bench

@Suite struct TraceOptionsTests {
    private func trace() throws -> TraceFile {
        let text = """
            {"timestamp": 0, "input_length": 515, "output_length": 30, "hash_ids": [0, 1]}
            {"timestamp": 1, "input_length": 2, "output_length": 0, "hash_ids": [5]}
            """
        return try TraceFile(Array(text.utf8), name: "trace")
    }

    private func body(_ index: Int, _ options: TraceOptions) throws -> JSONValue {
        let request = options.request(index, of: try trace(), prompts: TracePrompt(seed: options.seed))
        return try #require(JSONValue(parsing: request.body))
    }

    @Test func aRequestHasTheTextAndAsksForTheTokensOfTheTrace() throws {
        var options = TraceOptions()
        options.model = "a \"b\""
        options.apiKey = "sk-1"
        let trace = try trace()
        let prompts = TracePrompt(seed: 1)
        let request = options.request(0, of: trace, prompts: prompts)
        #expect(request.method == "POST" && request.path == "/v1/chat/completions")
        #expect(request.fields.contains { $0.name == "authorization" && $0.value == "Bearer sk-1" })
        let body = try #require(JSONValue(parsing: request.body))
        #expect(body["model"]?.string == "a \"b\"" && body["stream"]?.bool == true)
        #expect(body["max_tokens"]?.integer == 30)
        let message = try #require(body["messages"]?.array?.first)
        #expect(message["role"]?.string == "user")
        #expect(message["content"]?.string == String(decoding: prompts.text(of: 0, in: trace), as: UTF8.self))
        #expect(!TraceOptions().request(0, of: trace, prompts: prompts).fields.contains { $0.name == "authorization" })
    }

    @Test func answersHaveAtLeastOneTokenAndAtMostTheCap() throws {
        var options = TraceOptions()
        #expect(try body(1, options)["max_tokens"]?.integer == 1)
        options.maxTokens = 8
        #expect(try body(0, options)["max_tokens"]?.integer == 8)
        #expect(try body(1, options)["max_tokens"]?.integer == 1)
    }

    @Test func theCommandHasEveryOption() throws {
        var options = TraceOptions()
        options.file = "my trace's.jsonl"
        let plain = try BenchTarget(url: "http://127.0.0.1:8080", version: .http2)
        #expect(
            options.command(format: .mooncake, target: plain)
                == "freeinference bench trace --url http://127.0.0.1:8080 --file 'my trace'\\''s.jsonl' "
                + "--format mooncake --speed 1.0 --scale 1.0 --seed 1 --model demo --connections 4 --drain 600.0"
        )
        options.file = "/t/a.csv"
        options.speed = 1.5
        options.scale = 0.25
        options.seed = 9
        options.limit = 100
        options.maxTokens = 8
        options.executors = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
        options.apiKey = "secret"
        options.pin = 1
        let secure = try BenchTarget(
            url: "https://bench.example",
            version: .http1,
            caFile: "ca.pem",
            insecure: true,
            resolve: ["bench.example:443:127.0.0.1"]
        )
        #expect(
            options.command(format: .azure, target: secure)
                == "freeinference bench trace --url https://bench.example --file /t/a.csv --format azure --speed 1.5 "
                + "--scale 0.25 --seed 9 --limit 100 --max-tokens 8 --model demo --connections 4 --drain 600.0 "
                + "--executors http://127.0.0.1:1,http://127.0.0.1:2 --api-key KEY --http1 --ca ca.pem --insecure "
                + "--resolve bench.example:443:127.0.0.1 --pin 1"
        )
    }

    @Test func optionsOutOfRangeAreNamed() {
        func problem(_ change: (inout TraceOptions) -> Void) -> String? {
            var options = TraceOptions()
            change(&options)
            return options.problem
        }
        #expect(problem { _ in } == nil)
        for speed in [0, -1, .nan, .infinity, 1001] as [Double] {
            #expect(problem { $0.speed = speed } == "--speed is between 0.001 and 1000", "\(speed)")
        }
        for scale in [0, -0.5, 1.01, .nan] as [Double] {
            #expect(problem { $0.scale = scale } == "--scale is above 0 and at most 1", "\(scale)")
        }
        #expect(problem { $0.limit = 0 } == "--limit is at least 1")
        #expect(problem { $0.maxTokens = 0 } == "--max-tokens is at least 1")
        #expect(problem { $0.connections = 0 } == "--connections is between 1 and 1000")
        #expect(problem { $0.drain = -1 } == "--drain is between 0 and 86400 seconds")
    }
}
