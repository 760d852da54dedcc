import Foundation
import Testing

/// Tests `lame_duck`: health checks get 503 for a while before the server refuses the first connection.
@Suite struct LameDuckTests {
    private func isUnhealthy(_ server: Server, _ path: String = "/health") async throws {
        _ = try await eventually("a health of 503") {
            let answer = try await server.curl(path)
            return answer.status == 503 && answer.body.contains("draining") ? true : nil
        }
    }

    @Test func newConnectionsAreServedUntilTheNextSignal() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { executor in
            let settings = "lame_duck: 600s\ndrain_timeout: 600s"
            var configuration = Configuration(executors: [executor.url], settings: settings)
            configuration.commands = scratch.file("admin.sock")
            try await withServer(configuration) { server in
                server.process.signal(SIGTERM)
                try await isUnhealthy(server)
                try await isUnhealthy(server, "/health/ready")
                let curl = try await server.streamingCurl(body: chat(tokens: 60), in: scratch)
                _ = try await eventually("the stream") { curl.output.contains("data:") ? true : nil }
                let refused = try await server.command("reload")
                #expect(refused.status == .exited(2) && refused.output.contains("the server is ending"), "\(refused)")
                // The second signal begins the drain, and does not cut the stream.
                executor.process.signal(SIGSTOP)
                defer { executor.process.signal(SIGCONT) }
                server.process.signal(SIGTERM)
                try await eventually("the refusal of connections") { (try? await server.connect()) == nil ? true : nil }
                #expect(curl.isRunning)
                executor.process.signal(SIGCONT)
                try await expect(curl.ending()) { $0 == .exited(0) }
                #expect(eventData(curl.output).last == "[DONE]")
                try await expect(server.process.ending()) { $0 == .exited(0) }
            }
        }
    }

    @Test func theDrainBeginsByItself() async throws {
        try await withServer(settings: "lame_duck: 300ms\ndrain_timeout: 600s") { server, _ in
            server.process.signal(SIGTERM)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            #expect(server.process.errors.contains("lame duck: /health is 503"))
            #expect(server.process.errors.contains("every exchange had ended"))
        }
    }

    /// If a reload has changed `lame_duck`, its value at the time of the first signal applies.
    @Test func aReloadChangesIt() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        var configuration = Configuration(executors: ["http://127.0.0.1:1"])
        configuration.commands = scratch.file("admin.sock")
        try await withServer(configuration) { server in
            configuration.settings = "lame_duck: 600s"
            try server.replaceFile(configuration.yaml(server.certificates))
            try await expect(server.command("reload")) { $0.status == .exited(0) }
            server.process.signal(SIGTERM)
            try await isUnhealthy(server)
            // The server still accepts connections, as the health checks have shown. The next signal ends the server.
            server.process.signal(SIGTERM)
            try await expect(server.process.ending()) { $0 == .exited(0) }
        }
    }
}
