// Detecting entries for the same engine that contradict each other.

import Testing

@testable import Configuration

@Suite struct EngineClaimsTests {
    private let head = "listeners: [{address: '127.0.0.1:8080'}]\nmodels:\n"

    @Test func contradictionsAreReported() {
        let text =
            head + """
                - {id: a, executors: [{url: "http://e", kind: vllm, protocol: h2}]}
                - {id: b, executors: [{url: "http://e"}]}
                - {id: c, executors: [{url: "http://e", kind: sglang}]}
                - {id: d, executors: [{url: "http://e/", protocol: http1, kind: vllm}]}
                """
        #expect(
            faults(text) == [
                "c.yaml:5:47: models[].executors[].kind: 'sglang' contradicts 'vllm' of the same engine on line 3",
                "c.yaml:6:52: models[].executors[].protocol: 'http1' contradicts 'h2' of the same engine on line 3",
            ]
        )
    }

    @Test func anotherFileIsNamed() {
        let text = head + "- {id: a, executors: [{url: 'http://e', kind: vllm}]}\n- import: more.yaml\n"
        let more = "- {id: b, executors: [{url: 'http://e', kind: ollama}]}\n"
        #expect(
            faults(text, imports: ["more.yaml": more]) == [
                "more.yaml:1:47: models[].executors[].kind: 'ollama' contradicts 'vllm' of the same engine at c.yaml:3"
            ]
        )
    }

    /// The value `auto` contradicts no other value, and entries for different engines do not contradict each other.
    ///
    /// Entries name different engines if their URLs, API keys or certificate authorities differ.
    @Test func entriesThatDoNotContradict() {
        let text =
            head + """
                - {id: a, executors: [{url: "http://e", kind: auto, protocol: auto}]}
                - {id: b, executors: [{url: "http://e", kind: vllm, protocol: h2}]}
                - {id: c, executors: [{url: "http://e", kind: ollama, api_key: k}]}
                - {id: d, executors: [{url: "http://e/x", kind: sglang}]}
                """
        #expect(faults(text).isEmpty)
    }
}
