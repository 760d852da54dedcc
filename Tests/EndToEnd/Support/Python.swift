extension Server {
    /// The arguments that tell the scripts in `Clients` where the server is (`Clients/cli.py`).
    func target(secure: Bool) -> [String] {
        secure
            ? ["--port", "\(configuration.tls)", "--ca", certificates.authority]
            : ["--port", "\(configuration.clear)"]
    }

    /// Runs a scenario with the official OpenAI SDK (`Clients/openai_sdk.py`) and returns its JSON lines.
    func openAISDK(
        _ scenario: String,
        http2: Bool,
        arguments: [String] = [],
        within limit: Duration = .seconds(180)
    ) async throws -> [JSON] {
        try await python(
            "openai_sdk.py",
            ["--base-url", tls + "/v1", "--ca", certificates.authority] + (http2 ? ["--http2"] : []) + arguments
                + [scenario],
            within: limit
        )
    }

    /// Runs a scenario with the official Anthropic SDK (`Clients/anthropic_sdk.py`) and returns its JSON lines.
    func anthropicSDK(
        _ scenario: String,
        http2: Bool,
        arguments: [String] = [],
        within limit: Duration = .seconds(180)
    ) async throws -> [JSON] {
        try await python(
            "anthropic_sdk.py",
            ["--base-url", tls, "--ca", certificates.authority] + (http2 ? ["--http2"] : []) + arguments + [scenario],
            within: limit
        )
    }

    /// Runs a scenario on the level of HTTP/2 frames (`Clients/h2_raw.py`) and returns its JSON lines.
    func rawHTTP2(
        _ scenario: String,
        secure: Bool = true,
        arguments: [String] = [],
        within limit: Duration = .seconds(180)
    ) async throws -> [JSON] {
        try await python("h2_raw.py", target(secure: secure) + arguments + [scenario], within: limit)
    }

    /// Begins many TLS handshakes at once, then completes them and makes a request on each connection
    /// (`Clients/handshakes.py`).
    func handshakes(connections: Int) async throws -> [JSON] {
        try await python(
            "handshakes.py",
            target(secure: true) + ["--connections", "\(connections)"],
            within: .seconds(120)
        )
    }

    /// Runs a script and returns its JSON lines; throws with the whole output if the script fails.
    private func python(_ script: String, _ arguments: [String], within limit: Duration) async throws -> [JSON] {
        let completed = try await run(Repository.python, [Repository.clients + "/" + script] + arguments, within: limit)
        guard completed.succeeded else {
            throw Unmet("\(script) \(arguments.last ?? ""): \(completed.output)\n\(completed.errors)")
        }
        return completed.lines
    }
}
