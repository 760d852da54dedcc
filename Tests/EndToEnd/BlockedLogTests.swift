import Testing

/// A stdout that nobody reads costs log lines, never service.
@Suite struct BlockedLogTests {
    @Test func serviceGoesOnAndLostLinesAreCounted() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = try await Certificates.shared()
        try await withExecutor { executor in
            let configuration = Configuration(executors: [executor.url])
            let file = try scratch.write(configuration.yaml(certificates), to: "freeinference.yaml")
            let pipe = scratch.file("pipe")
            // Open for reading and writing, so that the pipe has a reader, which never reads.
            let serve = "'\(Repository.binary)' serve --config '\(file)'"
            let command = "mkfifo '\(pipe)'; exec 3<>'\(pipe)'; exec \(serve) >&3"
            let server = try await ChildProcess.start("sh", ["-c", command], in: scratch)
            do {
                _ = try await eventually("the server") { server.errors.contains("ready") ? true : nil }
                // Some hundred bytes a line: far more than the pipe and the queue behind it hold.
                let url = "http://127.0.0.1:\(configuration.clear)"
                let seen = try await run(
                    "h2load",
                    ["-n", "40000", "-c", "10", "-m", "50", url + "/v1/models"],
                    within: .seconds(60)
                )
                #expect(seen.output.contains("40000 succeeded, 0 failed"))
                let chatting = try await run(
                    "curl",
                    ["--silent", "--noproxy", "*", "--data", chat(), url + "/v1/chat/completions"]
                )
                #expect(eventData(chatting.output).last == "[DONE]")
            } catch {
                try await server.stop()
                throw error
            }
            #expect(try await server.stop(within: .seconds(10)) == .exited(0))
            #expect(server.errors.contains("log lines were dropped"))
        }
    }
}
