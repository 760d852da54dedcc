import Foundation
import Testing

/// The configuration changes while the real server runs.
@Suite struct ReloadTests {
    /// Runs a server with a command socket.
    private func withReloading(
        settings: String = "",
        _ body: (Server, Executor) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { executor in
            var configuration = Configuration(executors: [executor.url], settings: settings)
            configuration.commands = scratch.file("admin.sock")
            try await withServer(configuration) { server in try await body(server, executor) }
        }
    }

    @Test func aReloadChangesWhatIsServedAndCutsNoStream() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withReloading { server, executor in
            let body = chat(tokens: 60, more: #""simulator":{"pace":30,"prefill_ms":1}"#)
            let curl = try await server.streamingCurl(body: body, in: scratch)
            try await executor.counter("emitted", reaches: 2)
            var next = server.configuration
            next.clear = Port.free()
            next.settings = "limits: {body: 1KiB}"
            next.models = "- {id: second, executors: [{url: '\(executor.url)', health: {interval: 0s}}]}"
            try server.replaceFile(next.yaml(server.certificates))

            let said = try await server.command("reload")
            #expect(said.succeeded, "\(said)")
            for line in ["generation 2 is in force", "models[second]: added", "limits.body: the default -> 1KiB"] {
                #expect(said.output.contains(line), "\(said.output)")
            }
            // The listener that stays serves the new models; the new one serves, and the old one is gone.
            let list = try await server.curl("/v1/models")
            #expect(list.status == 200 && list.body.contains(#""second""#), "\(list.body)")
            let tooLarge = chat(prompt: String(repeating: "x", count: 2000))
            let large = try await server.curl("/v1/chat/completions", body: tooLarge)
            #expect(large.status == 413, "\(large)")
            let moved = try await RawConnection(port: next.clear)
            try await moved.send("GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(try await moved.receiveAnswer().status == 200)
            await #expect(throws: Unmet.self) { try await server.connect() }

            #expect(try await curl.ending() == .exited(0))
            #expect(curl.output.contains("[DONE]"), "\(curl.output)")
            #expect(try await executor.counters().aborted.int == 0)
        }
    }

    @Test func aFaultyFileChangesNothingAndSaysWhere() async throws {
        try await withReloading { server, _ in
            try server.replaceFile("listeners: [\n")
            let refused = try await server.command("reload")
            #expect(refused.status == .exited(2) && refused.output.contains("not valid YAML"), "\(refused)")
            server.process.signal(SIGHUP)
            try await eventually("the second refusal") {
                let count = server.process.errors.components(separatedBy: "reload refused").count - 1
                return count == 2 ? true : nil
            }
            let health = try JSON(parsing: try await run("curl", ["--silent", "\(server.admin)/health/deep"]).output)
            #expect(health.configuration.generation.int == 1)
            #expect(health.configuration.refused.errors[0].string?.contains("not valid YAML") == true, "\(health)")
            let metrics = try await server.metrics()
            #expect(metrics.sum("freeinference_configuration_reload_refused") == 1)
            #expect(try await server.curl("/v1/models").status == 200)

            try server.replaceFile(server.configuration.yaml(server.certificates))
            let good = try await server.command("reload")
            #expect(good.succeeded && good.output.contains("nothing has changed"), "\(good)")
        }
    }

    /// If the configuration file is missing, a folder or a pipe, or names a missing file, a reload is refused at once.
    @Test func aFileThatCannotBeReadRefuses() async throws {
        try await withReloading { server, _ in
            let manager = FileManager.default
            try manager.removeItem(atPath: server.file)
            #expect(try await server.command("reload").output.contains("No such file"))
            try manager.createDirectory(atPath: server.file, withIntermediateDirectories: false)
            #expect(try await server.command("reload").output.contains("Is a directory"))
            try manager.removeItem(atPath: server.file)
            #expect(mkfifo(server.file, 0o600) == 0)
            #expect(try await server.command("reload").output.contains("it is a pipe"))
            try manager.removeItem(atPath: server.file)
            let text = server.configuration.yaml(server.certificates)
            try server.replaceFile(text.replacing(server.certificates.chain, with: "/gone.pem"))
            #expect(try await server.command("reload").output.contains("/gone.pem"))
            #expect(try await server.curl("/v1/models").status == 200)
        }
    }

    /// Many reloads at once, some of a faulty file, while requests run: no request fails.
    @Test func manyReloadsAtOnceFailNoRequest() async throws {
        try await withReloading { server, executor in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<40 {
                        var next = server.configuration
                        next.models = "- {id: m\(number), executors: [{url: '\(executor.url)'}]}"
                        let text = number % 10 == 3 ? "models: {" : next.yaml(server.certificates)
                        try server.replaceFile(text)
                        for _ in 0..<3 { server.process.signal(SIGHUP) }
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        for _ in 0..<15 {
                            let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 2))
                            #expect(answer.status == 200 && answer.body.contains("[DONE]"), "\(answer)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try server.replaceFile(server.configuration.yaml(server.certificates))
            #expect(try await server.command("reload").succeeded)
        }
    }

    @Test func aCheckAgainstTheRunningServerChangesNothing() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withReloading { server, _ in
            var next = server.configuration
            next.settings = "keep_alive: 4s"
            let file = try scratch.write(next.yaml(server.certificates), to: "next.yaml")
            let said = try await server.command("check", "--against-running", "--config", file)
            #expect(said.succeeded && said.output.contains("keep_alive: the default -> 4s"), "\(said)")
            #expect(try await server.metrics().sum("freeinference_configuration_generation") == 1)
            let none = try await run(Repository.binary, ["reload", "--socket", scratch.file("none.sock")])
            #expect(none.status == .exited(1) && none.errors.contains("no server can be reached"), "\(none)")
        }
    }
}

extension Server {
    /// Replaces the configuration file, as an editor does: by another file with its name.
    func replaceFile(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }

    /// Runs a command of the command line against this server's command socket.
    func command(_ arguments: String...) async throws -> Completed {
        try await run(Repository.binary, arguments + ["--socket", configuration.commands ?? ""])
    }
}
