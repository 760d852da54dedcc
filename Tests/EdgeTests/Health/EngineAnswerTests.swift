import Routing
import Testing

@testable import Edge

/// What the edge learns about an engine from its response to a request: for example, which software it runs.
@Suite struct EngineAnswerTests {
    private func answer(_ path: String, _ body: String, status: Int = 200, server: String? = nil) -> EngineAnswer {
        let bytes = Array(body.utf8)
        var answer = EngineAnswer(path: path, status: status, server: server, body: bytes)
        if path == "/metrics" {
            answer.metrics.take(bytes.span)
            answer.metrics.finish()
        }
        return answer
    }

    private func list(owner: String) -> String { #"{"object":"list","data":[{"id":"m","owned_by":"\#(owner)"}]}"# }

    @Test func theOwnerOfTheModelsShowsTheKind() {
        let owners = ["vllm", "sglang", "llamacpp", "library"]
        #expect(owners.map { answer("/v1/models", list(owner: $0)).kind } == [.vllm, .sglang, .llamaCpp, .ollama])
        // The list of models names in `owned_by` the simulator or this server. So the engine is certainly none of those
        // that the edge knows, and its kind is `unknown`. An owner that the edge does not know, or an error, says
        // nothing about the kind, so the result is nil.
        #expect(answer("/v1/models", list(owner: "simulator")).kind == .unknown)
        #expect(answer("/v1/models", list(owner: "freeinference")).kind == .unknown)
        #expect(answer("/v1/models", list(owner: "me")).kind == nil)
        #expect(answer("/v1/models", list(owner: "vllm"), status: 401).kind == nil)
        #expect(answer("/v1/models", "[]").kind == nil && answer("/v1/models", "").kind == nil)
    }

    @Test func theFieldServerShowsLlama() {
        for path in ["/v1/models", "/metrics", "/"] {
            #expect(answer(path, "", status: 404, server: "llama.cpp").kind == .llamaCpp)
            #expect(answer(path, "", status: 404, server: "uvicorn").kind == nil)
        }
    }

    @Test func theNamesOfMetricsShowTheKind() {
        let head = "# HELP python_gc_objects_total vllm: no name\npython_gc_objects_total 1\n"
        #expect(answer("/metrics", head + "vllm:num_requests_running 0.0\n").kind == .vllm)
        #expect(answer("/metrics", head + "sglang:token_usage 0.0").kind == .sglang)
        #expect(answer("/metrics", "llamacpp:requests_processing 0\n").kind == .llamaCpp)
        #expect(answer("/metrics", head + "my_vllm:x 1\n").kind == nil)
        #expect(answer("/metrics", "vllm:x 1", status: 500).kind == nil)
    }

    @Test func theFirstPageOfOllamaShowsIt() {
        #expect(answer("/", "Ollama is running").kind == .ollama)
        #expect(answer("/", "<html>Ollama is running</html>").kind == nil)
        #expect(answer("/metrics", "Ollama is running").kind == nil)
    }

    private func load(_ path: String, _ body: String, status: Int = 200) -> EngineLoad? {
        answer(path, body, status: status).load
    }

    @Test func slotsOfLlamaAreRead() throws {
        let slots = #"[{"id":0,"n_ctx":4096,"is_processing":true},{"id":1,"n_ctx":4096,"is_processing":false}]"#
        let said = try #require(load("/slots", slots))
        #expect(said.running == 1 && said.waiting == nil && said.cacheTokens == 8192)
        #expect(load("/slots", #"{"error":{"code":501}}"#, status: 501) == nil)
        #expect(load("/slots", "[]") == nil && load("/slots", "[{}]") == nil && load("/slots", "x") == nil)
        let settings = #""default_generation_settings":{"n_ctx":8192}"#
        #expect(load("/props", #"{"total_slots":4,\#(settings)}"#)?.cacheTokens == 32768)
        #expect(load("/props", #"{"total_slots":-4,\#(settings)}"#) == nil)
        #expect(load("/props", "{}") == nil)
    }

    @Test func loadsOfSGLangAreReadInAllTheirShapes() throws {
        let loads =
            #"{"loads":[{"num_running_reqs":3,"num_waiting_reqs":1,"max_total_num_tokens":1000},"#
            + #"{"num_running_reqs":2,"num_waiting_reqs":0,"max_total_num_tokens":1000}]}"#
        let new = try #require(load("/v1/loads", loads))
        #expect(new.running == 5 && new.waiting == 1 && new.cacheTokens == 2000)
        let old = try #require(load("/get_load", #"[{"dp_rank":0,"num_reqs":4,"num_waiting_reqs":1,"num_tokens":9}]"#))
        #expect(old.running == 3 && old.waiting == 1 && old.cacheTokens == nil)
        #expect(load("/get_load", #"{"load":7}"#)?.running == 7)
        #expect(load("/get_load", #"{"load":-7}"#) == nil && load("/get_load", "[1,null]") == nil)
        #expect(load("/get_server_info", #"{"max_total_num_tokens":5000,"dp_size":2}"#)?.cacheTokens == 10000)
        #expect(load("/server_info", #"{"max_total_num_tokens":5000}"#)?.cacheTokens == 5000)
        #expect(load("/server_info", #"{"max_total_num_tokens":9223372036854775807,"dp_size":2}"#) == nil)
    }
}
