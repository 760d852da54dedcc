import Testing

/// An engine reads the same meaning from a request body as this server, whichever JSON parser the engine uses.
@Suite struct BodyReaderTests {
    @Test(arguments: [11, 12]) func pythonsJSONAndAReaderLikeGosAgreeWithUs(seed: Int) async throws {
        let engine = Port.free()
        func model(_ id: String, _ name: String) -> String {
            "- {id: \"\(id)\", executors: [{url: 'http://127.0.0.1:\(engine)', model: \(name), health: {interval: 0s}}]}\n"
        }
        let models = model("a", "a") + model("K2", "kimi") + model("caf\u{e9}", "coffee")
        try await withServer(Configuration(models: models)) { server in
            let completed = try await run(
                Repository.python,
                [Repository.clients + "/bodies.py"] + server.target(secure: false)
                    + ["--engine", "\(engine)", "--seed", "\(seed)", "--count", "2000"],
                within: .seconds(600)
            )
            guard completed.succeeded else { throw Unmet(completed.output + completed.errors) }
            let came = try #require(completed.lines.first)
            // Each possible outcome has occurred more than ten times.
            for outcome in ["asked", "refused", "unknown", "left_to_the_engine"] {
                #expect(came[outcome].int.map { $0 > 10 } == true, "\(outcome): \(came)")
            }
        }
    }
}
