// Tests of a file that lists executors, while a real server uses it.
import Foundation
import Testing

/// Tests that a running server adds and removes executors when the file that lists them changes.
@Suite struct ExecutorListTests {
    /// Runs a server whose only model has only the executors of a file.
    private func withList(_ executor: Executor, _ body: (Server, String) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let list = try scratch.write(entry(executor), to: "list.yaml")
        var configuration = Configuration()
        configuration.commands = scratch.file("admin.sock")
        configuration.models = "- {id: demo, executors_from: '\(list)'}"
        try await withServer(configuration) { server in try await body(server, list) }
    }

    private func entry(_ executor: Executor) -> String { "- {url: '\(executor.url)', health: {interval: 0s}}\n" }

    /// Replaces the list of executors in one step, by renaming a new file.
    private func replace(_ list: String, with text: String) throws {
        try text.write(toFile: list, atomically: true, encoding: .utf8)
    }

    private func said(_ words: String, by server: Server) async throws {
        try await eventually("'\(words)' in\n\(server.process.errors)") {
            server.process.errors.contains(words) ? true : nil
        }
    }

    private func generation(_ number: Int, of server: Server) async throws {
        try await eventually("generation \(number)") {
            try await server.metrics().sum("freeinference_configuration_generation") == number ? true : nil
        }
    }

    @Test func aStreamGoesOnWhileItsExecutorLeavesTheFile() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { first in
            try await withExecutor { second in
                try await withList(first) { server, list in
                    let body = chat(tokens: 60, more: #""simulator":{"pace":30,"prefill_ms":1}"#)
                    let stream = try await server.streamingCurl(body: body, in: scratch)
                    try await first.counter("emitted", reaches: 2)
                    try replace(list, with: entry(second))
                    try await said("executor \(first.url): removed", by: server)
                    try await generation(2, of: server)
                    for number in 1...3 {
                        try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                        try await second.counter("finished", reaches: number)
                    }
                    #expect(try await stream.ending() == .exited(0))
                    #expect(stream.output.contains("[DONE]"), "\(stream.output)")
                    let counters = try await first.counters()
                    #expect(counters.aborted.int == 0 && counters.finished.int == 1, "\(counters)")

                    // The file lists both executors, which share the requests from now on.
                    try replace(list, with: entry(first) + entry(second))
                    try await generation(3, of: server)
                    for _ in 0..<4 {
                        try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                    }
                    try await first.counter("finished", reaches: 2)
                }
            }
        }
    }

    @Test func aMistakeKeepsTheLastList() async throws {
        try await withExecutor { executor in
            try await withList(executor) { server, list in
                for (text, words) in [
                    ("", "lists no executor"), ("- url: [\n", "not valid YAML"),
                    (entry(executor) + "- ur", "list.yaml:2:3: "),
                ] {
                    try replace(list, with: text)
                    try await said(words, by: server)
                    try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                }
                // A reload of the configuration also reads the file of executors. The file is invalid, so the server
                // refuses the reload and reports the position of the error.
                let refused = try await server.command("reload")
                #expect(refused.status == .exited(2) && refused.output.contains("list.yaml:2:3: "), "\(refused)")
                try FileManager.default.removeItem(atPath: list)
                try await said("cannot be read: No such file", by: server)
                try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                try await expect(server.metrics().sum("freeinference_configuration_generation")) { $0 == 1 }
                try replace(list, with: entry(executor))
                try await said("is used again", by: server)
                try await expect(server.command("reload")) { $0.succeeded && $0.output.contains("nothing has changed") }
            }
        }
    }

    @Test func aFaultyListIsAnErrorOfCheck() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let list = try scratch.write("- {url: 'http://a', wieght: 2}\n", to: "list.yaml")
        let file = try scratch.write(
            "listeners: [{address: '127.0.0.1:1'}]\nmodels: [{id: a, executors_from: list.yaml}]\n",
            to: "c.yaml"
        )
        let checked = try await run(Repository.binary, ["check", "--config", file])
        #expect(checked.status == .exited(2), "\(checked)")
        #expect(checked.output.contains("\(list):1:21: unknown key 'wieght'"), "\(checked)")
    }
}
