import Foundation
import Testing

/// `freeinference import` and `freeinference configure`: the configuration that they write passes `freeinference
/// check`.
@Suite struct MigrationCommandTests {
    private static let freeInference = """
        models:
          - id: coder
            name: Coder
            provider: vllm
            context_length: 32768
            required_role: pro
            pricing: {prompt: "0.35", completion: "1.4"}
            route:
              - {kind: vllm, weight: 0.7, base_url: http://127.0.0.1:8000/v1, provider_model_id: acme/coder}
              - {kind: openai_compat, weight: 0.3, base_url: "${SECOND_URL}", api_keys: ["${SECOND_KEY}"]}
        """

    private static let liteLLM = """
        model_list:
          - model_name: chat
            litellm_params:
              model: hosted_vllm/acme/chat
              api_base: http://127.0.0.1:8000/v1
              api_key: sk-in-clear-text
              rpm: 60
          - model_name: chat
            litellm_params: {model: openai/acme/chat, api_base: os.environ/SECOND_URL, api_key: os.environ/SECOND_KEY}
        router_settings: {routing_strategy: simple-shuffle, num_retries: 2}
        general_settings: {master_key: sk-master}
        """

    private static let environment = [
        "SECOND_URL": "http://127.0.0.1:8001", "SECOND_KEY": "second", "CHAT_API_KEY": "first",
    ]

    @Test(arguments: [(Self.freeInference, [6]), (Self.liteLLM, [7, 10, 11])])
    func whatAnImportPrintsPassesCheck(input: String, lost: [Int]) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.write(input, to: "input.yaml")
        let imported = try await run(Repository.binary, ["import", file])
        #expect(imported.status == .exited(0), "\(imported.errors)")
        let written = try scratch.write(imported.output, to: "written.yaml")
        let checked = try await run(
            Repository.binary,
            ["check", "--config", written],
            environment: Self.environment
        )
        #expect(checked.status == .exited(0), "\(checked.output)")
        #expect(checked.output == "\(written): no errors\n")
        for line in lost {
            let beginning = "\(file):\(line):"
            let isNamed = imported.errors.split(separator: "\n").contains {
                $0.hasPrefix(beginning) && $0.contains(": not carried over: ")
            }
            #expect(isNamed, "\(beginning) of \(imported.errors)")
        }
        for secret in ["sk-in-clear-text", "sk-master"] {
            #expect(!(imported.output + imported.errors).contains(secret))
        }
    }

    @Test func aFileThatIsThereIsOverwrittenByForceOnly() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.write(Self.freeInference, to: "input.yaml")
        let output = try scratch.write("mine", to: "output.yaml")
        let refused = try await run(Repository.binary, ["import", file, "--output", output])
        #expect(refused.status == .exited(1))
        #expect(refused.errors == "\(output) is there already; --force overwrites it\n")
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "mine")
        let forced = try await run(Repository.binary, ["import", file, "--output", output, "--force"])
        #expect(forced.status == .exited(0))
        #expect(forced.output.isEmpty)
        #expect(try String(contentsOfFile: output, encoding: .utf8).contains("- id: coder\n"))
        let fresh = try await run(Repository.binary, ["import", file, "--output", scratch.file("new.yaml")])
        #expect(fresh.status == .exited(0))
    }

    @Test(arguments: ["", "words", "a: [", "model_list: []"])
    func inputThatIsNoConfigurationIsAnError(text: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.write(text, to: "input.yaml")
        let seen = try await run(Repository.binary, ["import", file, "--output", scratch.file("out.yaml")])
        #expect(seen.status == .exited(1))
        #expect(seen.errors.hasPrefix(file))
        #expect(!FileManager.default.fileExists(atPath: scratch.file("out.yaml")))
    }

    @Test func aFolderAndAFileThatIsNotThereAreErrors() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        for path in [scratch.path, scratch.file("nowhere.yaml")] {
            let seen = try await run(Repository.binary, ["import", path])
            #expect(seen.status == .exited(1))
            #expect(seen.errors.hasPrefix("\(path): cannot be read: "))
        }
    }

    @Test func configureWritesWhatItFinds() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(["--model", "one", "--model", "two words"]) { executor in
            let address = executor.url.replacing("http://", with: "")
            let seen = try await run(
                Repository.binary,
                ["configure", "--only-probes", "--probe", address, "--probe", "127.0.0.1:\(Port.free())"]
            )
            #expect(seen.status == .exited(0), "\(seen.errors)")
            #expect(seen.errors.contains("\(executor.url): `freeinference executor` with 2 models\n"))
            #expect(seen.errors.contains(": nothing listens there\n"))
            #expect(seen.errors.contains("left open: TLS"))
            #expect(seen.output.contains("  - id: one\n"))
            let written = try scratch.write(seen.output, to: "written.yaml")
            let checked = try await run(Repository.binary, ["check", "--config", written])
            #expect(checked.output == "\(written): no errors\n")
        }
    }

    @Test func anEngineIsKnownByItsAnswer() async throws {
        let engine = try HandMadeExecutor()
        async let seen = run(Repository.binary, ["configure", "--only-probes", "--probe", "127.0.0.1:\(engine.port)"])
        let connection = try await engine.accept()
        defer { connection.close() }
        let list = #"{"object":"list","data":[{"id":"tiny","object":"model","owned_by":"vllm","max_model_len":65536}]}"#
        try await connection.send(
            "HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-type: application/json\r\n"
                + "content-length: \(list.utf8.count)\r\n\r\n\(list)"
        )
        let completed = try await seen
        #expect(completed.status == .exited(0), "\(completed.errors)")
        #expect(completed.errors.contains(": vLLM with 1 model\n"))
        for line in ["- id: tiny", "context_length: 65536", "kind: vllm"] { #expect(completed.output.contains(line)) }
    }

    /// Four ports without a usable engine: silent, another protocol, 401, and an endless response.
    @Test func whatIsNoEngineIsNamed() async throws {
        let silent = try HandMadeExecutor()
        let strange = try HandMadeExecutor()
        let locked = try HandMadeExecutor()
        let endless = try HandMadeExecutor()
        let all = [silent, strange, locked, endless]
        let probes = all.flatMap { ["--probe", "127.0.0.1:\($0.port)"] }
        async let seen = run(Repository.binary, ["configure", "--only-probes"] + probes)
        let garbage = try await strange.accept()
        try await garbage.send("SSH-2.0-OpenSSH_9.2\r\n\r\n")
        let refusing = try await locked.accept()
        try await refusing.send("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")
        let flood = try await endless.accept()
        try? await flood.send(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + String(repeating: " ", count: (1 << 20) + 1)
        )
        let completed = try await seen
        for connection in [garbage, refusing, flood] { connection.close() }
        #expect(completed.status == .exited(1))
        #expect(completed.output.isEmpty)
        for (engine, what) in zip(
            all,
            [
                "did not answer /v1/models within 1 s", "does not speak HTTP as an engine does",
                "wants a key (status 401), so its models are unknown", "answered /v1/models with more than 1 MiB",
            ]
        ) { #expect(completed.errors.contains("\(engine.url): \(what)\n"), "\(what): \(completed.errors)") }
        #expect(completed.errors.contains("no engine with a model was found"))
    }
}
