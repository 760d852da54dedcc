import Testing

@testable import Configuration
@testable import Migration

/// The configuration that `configure` writes.
@Suite struct ConfigurationProposalTests {
    private func url(_ text: String) throws -> ExecutorURL { try ExecutorURL.parse(text).get() }

    private func listed(_ owner: String, _ names: [String]) throws -> EngineSurvey.Outcome {
        let items = names.map { #"{"id":"\#($0)","owned_by":"\#(owner)","max_model_len":4096}"# }.joined(separator: ",")
        return .listed(try #require(EngineListing(body: Array(#"{"data":[\#(items)]}"#.utf8), server: nil)))
    }

    @Test func modelsOfOneNameAtTwoEnginesHaveTwoExecutors() throws {
        let proposal = ConfigurationProposal(
            [
                (try url("http://127.0.0.1:8000"), try listed("vllm", ["m", "lora"])),
                (try url("http://127.0.0.1:8080"), try listed("sglang", ["m"])),
                (try url("http://127.0.0.1:5000"), .absent("nothing listens there")),
            ],
            named: 0
        )
        let yaml = try #require(proposal.yaml)
        let configuration = try loaded(yaml)
        #expect(configuration.models.map(\.id) == ["m", "lora"])
        #expect(configuration.models[0].executors.map(\.kind) == [.vllm, .sglang])
        // Something else has port 8080.
        #expect(configuration.listeners.map(\.address) == [.tcp(host: "127.0.0.1", port: 8088)])
        #expect(yaml.contains("context_length: 4096"))
        #expect(proposal.findings.count == 2)
        for line in proposal.open { #expect(yaml.contains("# - \(line)\n"), "\(line)") }
    }

    @Test func aModelThatIsAPathGetsAShortName() throws {
        let outcome = try listed("llamacpp", ["/models/tiny.gguf", "/other/tiny.gguf"])
        let proposal = ConfigurationProposal([(try url("http://127.0.0.1:8080"), outcome)], named: 0)
        let models = try loaded(try #require(proposal.yaml)).models
        #expect(models.map(\.id) == ["tiny", "/other/tiny.gguf"])
        #expect(models.map { $0.executors[0].model } == ["/models/tiny.gguf", nil])
    }

    @Test func namesThatAreYAMLOrVariablesStayThemselves() throws {
        let names = ["${HOME}", "a: b", "null", "[x]"]
        let proposal = ConfigurationProposal([(try url("http://h:1"), try listed("x", names))], named: 1)
        #expect(try loaded(try #require(proposal.yaml)).models.map(\.id) == names)
    }

    @Test func nothingFoundIsNoConfiguration() throws {
        let proposal = ConfigurationProposal(
            [
                (try url("http://h:1"), .absent("nothing listens there")),
                (try url("http://h:2"), .locked(status: 401)),
                (try url("http://h:3"), .unusable("answered /v1/models with status 404")),
                (try url("http://h:4"), try listed("freeinference", ["m"])),
                (try url("http://h:5"), try listed("vllm", [])),
            ],
            named: 1
        )
        #expect(proposal.yaml == nil)
        #expect(proposal.findings.count == 5)
        #expect(proposal.open.contains { $0.contains("http://h:2") && $0.contains("api_key") })
    }
}
