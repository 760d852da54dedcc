// Reading engines' lists of models.
import Testing

@testable import Configuration
@testable import Migration

/// Reading answers to `GET /v1/models`.
@Suite struct EngineListingTests {
    private func listing(_ body: String, server: String? = nil) -> EngineListing? {
        EngineListing(body: Array(body.utf8), server: server)
    }

    @Test func vLLMIsKnownByTheOwnerOfItsModels() {
        // The form of vLLM 0.32.0.
        let found = listing(
            #"{"object":"list","data":[{"id":"tiny-a","object":"model","owned_by":"vllm","root":"/m","max_model_len":65536}]}"#,
            server: "uvicorn"
        )
        #expect(found?.kind == .vllm)
        #expect(found?.models == [EngineListing.Model(name: "tiny-a", contextLength: 65_536)])
    }

    @Test(
        arguments: [
            ("sglang", nil, .sglang, "SGLang"), ("llamacpp", nil, .llamaCpp, "llama.cpp"),
            ("me", "llama.cpp", .llamaCpp, "llama.cpp"), ("library", nil, .ollama, "Ollama"),
            ("organization_owner", nil, .auto, "LM Studio"), ("tabbyAPI", nil, .auto, "TabbyAPI"),
            ("someone", "uvicorn", .auto, nil),
        ] as [(String, String?, ExecutorSettings.Kind, String?)]
    )
    func enginesAreKnownByWhatTheyAnswer(
        owner: String,
        server: String?,
        kind: ExecutorSettings.Kind,
        software: String?
    ) {
        let found = listing(#"{"data":[{"id":"m","owned_by":"\#(owner)"}]}"#, server: server)
        #expect(found?.kind == kind)
        #expect(found?.software == software)
    }

    @Test(arguments: ["", "[]", "{}", #"{"data":3}"#, "<html>", #"{"models":[]}"#])
    func whatIsNoListIsNone(body: String) { #expect(listing(body) == nil) }

    @Test func namesThatCannotBeUsedAreCounted() {
        for length in [257, 1 << 20] {
            let long = String(repeating: "x", count: length)
            #expect(listing(#"{"data":[{"id":"\#(long)"}]}"#)?.unusableCount == 1)
        }
        #expect(listing(#"{"data":[{"id":"\#(String(repeating: "x", count: 256))"}]}"#)?.unusableCount == 0)
        let long = String(repeating: "x", count: 257)
        let found = listing(
            #"{"data":[{"id":"a"},{"id":"a"},{"id":""},{"id":7},{},3,{"id":"b\u0000"},{"id":"\#(long)"}]}"#
        )
        #expect(found?.models.map(\.name) == ["a"])
        #expect(found?.unusableCount == 7)
    }

    /// Names with invisible characters are refused, because two different names could look the same.
    @Test(arguments: [" a", "a ", "a\u{A0}b", "a\u{200B}b", "a\u{202E}b", "a\u{2028}b", "a\u{7F}", "a\u{E000}"])
    func namesAreVisible(name: String) {
        #expect(listing(#"{"data":[{"id":"\#(name)"}]}"#)?.unusableCount == 1)
        #expect(listing(#"{"data":[{"id":"My Model/7b:q4_0 é"}]}"#)?.unusableCount == 0)
    }

    /// Names that are equal in Unicode but have different bytes are two names, as in requests.
    @Test func namesDifferByTheirBytes() {
        #expect(listing("{\"data\":[{\"id\":\"\u{E9}\"},{\"id\":\"e\u{301}\"}]}")?.models.count == 2)
    }

    @Test func aListOfTenThousandIsCut() {
        let items = (0..<10_000).map { #"{"id":"m\#($0)"}"# }.joined(separator: ",")
        let found = listing(#"{"data":[\#(items)]}"#)
        #expect(found?.models.count == EngineListing.modelsMax)
        #expect(found?.surplusCount == 9000)
    }

    /// A context length that is negative or too large is ignored.
    @Test func lengthsThatCannotBeAreLeftOut() {
        let found = listing(#"{"data":[{"id":"a","max_model_len":-1},{"id":"b","max_model_len":1e30}]}"#)
        #expect(found?.models.map(\.contextLength) == [nil, nil])
    }
}
