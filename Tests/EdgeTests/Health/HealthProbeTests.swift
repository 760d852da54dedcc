import Configuration
import Routing
import Testing

@testable import Edge

/// The probe request for an engine, and the meaning of its response.
@Suite struct HealthProbeTests {
    private func settings(_ kind: ExecutorSettings.Kind, _ url: String = "http://e/p") throws -> ExecutorSettings {
        var settings = ExecutorSettings(url: try ExecutorURL.parse(url).get())
        settings.kind = kind
        return settings
    }

    @Test(
        arguments: [
            (.auto, "/p/health"), (.vllm, "/p/health"), (.sglang, "/p/health"), (.llamaCpp, "/p/health"),
            (.ollama, "/p/"), (.openai, nil), (.anthropic, nil),
        ] as [(ExecutorSettings.Kind, String?)]
    )
    func eachKindHasItsPage(_ kind: ExecutorSettings.Kind, _ path: String?) throws {
        #expect(HealthProbe(try settings(kind))?.path == path.map { Array($0.utf8) })
    }

    @Test func theConfigurationGoesFirst() throws {
        var given = try settings(.openai)
        given.health.path = "/live"
        let probe = try #require(HealthProbe(given))
        #expect(probe.path == Array("/p/live".utf8))
        #expect((probe.rise, probe.fall, probe.interval, probe.timeout) == (2, 3, 2_000_000_000, 5_000_000_000))
        given.health.interval = .zero
        #expect(HealthProbe(given) == nil)
    }

    @Test func whatAnAnswerSays() {
        let loading = Array(#"{"error":{"message":"Loading model"}}"#.utf8)
        #expect(HealthProbe.classify(status: 200, body: []) == .passed)
        #expect(HealthProbe.classify(status: 404, body: []) == .passed)
        #expect(HealthProbe.classify(status: 500, body: loading) == .failed)
        #expect(HealthProbe.classify(status: 503, body: loading) == .notReady)
        #expect(HealthProbe.classify(status: 503, body: []) == .failed)
    }

    @Test(
        arguments: [
            (503, #"{"status":"loading model"}"#, .notReady), (503, #"{"error":"Model is loading"}"#, .notReady),
            (503, "loading model...", .notReady), (503, "The server is starting up", .notReady),
            (503, #"{"status":"no slot available","slots_idle":0}"#, .passed), (503, #"{"status":"busy"}"#, .passed),
            (503, "The request queue is full.", .passed), (529, "x", .passed), (429, "", .passed), (501, "no", .failed),
            (503, "Error loading model: failed to open x", .failed), (503, #"{"error":"unhealthy"}"#, .failed),
            (502, "loading model", .failed),
        ] as [(Int, String, ExecutorHealth.Probe)]
    )
    func anEngineThatIsBusyOrLoadsIsNotDead(status: Int, body: String, probe: ExecutorHealth.Probe) {
        #expect(HealthProbe.classify(status: status, body: Array(body.utf8)) == probe)
    }
}
