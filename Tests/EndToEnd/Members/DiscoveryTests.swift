// Tests of a real server that asks an engine for its list of models, and serves them.
import Testing

/// Tests that a running server serves the models that an engine lists, and follows changes of the list.
@Suite struct DiscoveryTests {
    private func configuration(_ engine: SocketAddress) throws -> Configuration {
        guard case .loopback(let port) = engine else { throw Unmet("no port") }
        var configuration = Configuration()
        configuration.models = "- {discover: 'http://127.0.0.1:\(port)', health: {interval: 0s}}"
        return configuration
    }

    private func models(of server: Server) async throws -> [String] {
        let list = try JSON(parsing: try await server.curl("/v1/models").body)
        return list.data.array.compactMap { $0.id.string }
    }

    private func serves(_ names: [String], _ server: Server) async throws {
        var last: [String] = []
        do {
            // The server asks the engine for its models every 10 s. It removes a model that two lists in a row lack.
            try await eventually("the models \(names)", within: .seconds(60), every: .milliseconds(100)) {
                last = try await models(of: server)
                return last == names ? true : nil
            }
        } catch {
            throw Unmet("\(error); last seen: \(last)\n\(server.process.errors)")
        }
    }

    private func ask(_ model: String, _ server: Server) async throws -> Answer {
        try await server.curl(
            "/v1/chat/completions",
            body: chat().replacing(#""model":"demo""#, with: #""model":"\#(model)""#)
        )
    }

    @Test func modelsComeAndGoWithTheEngine() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let address = SocketAddress.loopback(port: Port.free())
        let first = try await Executor.start(["--model", "one", "--model", "two"], at: address, in: scratch)
        try await withServer(configuration(address)) { server in
            // At its start the server has waited for the engine's list of models.
            #expect(try await models(of: server) == ["one", "two"])
            try await expect(ask("one", server)) { $0.status == 200 && $0.body.contains("[DONE]") }
            try await expect(ask("other", server)) { $0.status == 404 }
            try await first.process.stop()
            try await withExecutor(["--model", "two", "--model", "three"], at: address) { _ in
                try await serves(["one", "two", "three"], server)
                try await expect(ask("three", server)) { $0.status == 200 }
                try await serves(["two", "three"], server)
                try await expect(ask("one", server)) { $0.status == 404 }
            }
        }
    }

    @Test func anEngineThatIsDeadAtTheStartIsFollowed() async throws {
        let address = SocketAddress.loopback(port: Port.free())
        try await withServer(configuration(address)) { server in
            #expect(try await models(of: server) == [])
            #expect(server.process.errors.contains("its models are not known yet, since it could not be asked"))
            try await expect(ask("demo", server)) { $0.status == 404 }
            try await withExecutor(at: address) { _ in
                try await serves(["demo"], server)
                try await expect(ask("demo", server)) { $0.status == 200 }
            }
        }
    }
}
