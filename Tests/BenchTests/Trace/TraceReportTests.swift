// The report on the replay of a trace of requests: its text, its JSON and its figures.
import Inference
import Testing

@testable import Bench

@Suite struct TraceReportTests {
    /// Two executors, of which one looked up three times as many tokens as the other.
    private func report() -> TraceReport {
        var report = TraceReport()
        report.url = "http://127.0.0.1:8080"
        report.spoken = "HTTP/2 in clear"
        report.command = "freeinference bench trace --seed 1"
        report.traceRequests = 20
        report.planned = 10
        report.sent = 10
        report.answered = 5
        report.left = 1
        report.mostRunning = 7
        report.promptTokens = 4000
        report.connections = 4
        report.duration = 12_340_000_000
        report.count(.refused, status: 429, said: "429 too many")
        report.count(.refused, status: 503, said: "503")
        report.count(.refused, status: 429, said: "429")
        report.count(.cut, status: 0, said: "the connection was closed")
        for milliseconds in [10, 20, 30, 40, 400] { report.firstToken.record(UInt64(milliseconds) * 1_000_000) }
        report.late.record(2_000_000)
        report.executors = [
            TraceReport.Executor(
                url: "http://a",
                before: PrefixCounters(queries: 500, hits: 500),
                after: PrefixCounters(queries: 3500, hits: 1500)
            ),
            TraceReport.Executor(
                url: "http://b",
                before: PrefixCounters(queries: 0, hits: 0),
                after: PrefixCounters(queries: 1000, hits: 200)
            ),
        ]
        return report
    }

    @Test func theHitRatioIsThatOfAllExecutors() {
        let report = report()
        #expect(report.counted == PrefixCounters(queries: 4000, hits: 1200))
        #expect(report.counted?.ratio == 0.3)
        #expect(report.executors.map { report.share(of: $0) } == [0.75, 0.25])
        #expect(report.skew == 1.5)
    }

    @Test func anExecutorThatIsGoneIsLeftOut() {
        var report = report()
        report.executors[0].after = nil
        #expect(report.counted == PrefixCounters(queries: 1000, hits: 200))
        #expect(report.skew == 1)
        #expect(report.text.contains("http://a: the counters could not be read after the run"))
        report.executors[1].after = nil
        #expect(report.counted == nil && report.skew == nil)
    }

    @Test func withoutExecutorsTheRatioIsUnknown() throws {
        var report = report()
        report.executors = []
        #expect(report.counted == nil && report.skew == nil)
        #expect(!report.text.contains("hit ratio"))
        let json = try #require(JSONValue(parsing: Array(report.json.utf8)))
        #expect(json["hit_ratio"] == .null && json["skew"] == .null && json["executors"]?.array == [])
    }

    @Test func executorsWithoutRequestsHaveNoRatio() {
        var report = report()
        for index in 0..<2 { report.executors[index].after = report.executors[index].before }
        #expect(report.counted?.ratio == nil && report.skew == nil)
        #expect(report.text.contains("hit ratio     unknown"))
    }

    @Test func theJSONHasEveryFigure() throws {
        let json = try #require(JSONValue(parsing: Array(report().json.utf8)))
        for (name, value) in [
            ("trace_requests", 20), ("planned", 10), ("requests", 10), ("answered", 5), ("left", 1),
            ("most_running", 7), ("connections", 4), ("refused", 3), ("broken", 1), ("prompt_tokens", 4000),
        ] {
            #expect(json[name]?.integer == value, "\(name)")
        }
        #expect(json["seconds"]?.double == 12.34 && json["interrupted"]?.bool == false)
        #expect(json["refused_by_status"]?["429"]?.integer == 2 && json["refused_by_status"]?["503"]?.integer == 1)
        #expect(json["broken_by"]?["cut"]?.integer == 1 && json["broken_by"]?["refused"] == nil)
        #expect(json["sample_error"]?.string == "429 too many")
        #expect(json["first_token_ms"]?["mean"]?.double == 100 && json["first_token_ms"]?["max"]?.double == 400)
        #expect(json["late_ms"]?["count"]?.integer == 1)
        #expect(json["queries"]?.double == 4000 && json["hits"]?.double == 1200 && json["hit_ratio"]?.double == 0.3)
        #expect(json["skew"]?.double == 1.5)
        let second = try #require(json["executors"]?.array?.last)
        #expect(second["url"]?.string == "http://b" && second["share"]?.double == 0.25)
        #expect(second["hit_ratio"]?.double == 0.2)
        #expect(json["command"]?.string == "freeinference bench trace --seed 1")
    }

    @Test func theTextHasEveryFigure() {
        let text = report().text
        for line in [
            "http://127.0.0.1:8080: HTTP/2 in clear, 10 of the trace's 20 requests, 12.3 s",
            "requests      10 sent, 5 answered, at most 7 at once, on 4 connections",
            "broken        1: 1 cut", "refused       3: 2 with 429, 1 with 503", "              429 too many",
            "left          1 streams had not ended", "prompts       4000 tokens by the trace",
            "hit ratio     0.300: 1200 of 4000 tokens, by the executors' counters",
            "skew          1.500, the largest share of the tokens over the mean share",
            "              http://a: share 0.750, hit ratio 0.333",
            "milliseconds          mean         p50         p90         p99         max",
            "first token        100.000",
        ] {
            #expect(text.contains(line), "\(line)\nin\n\(text)")
        }
        #expect(text.hasSuffix("\n\nfreeinference bench trace --seed 1"))
    }
}
