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
                    within: .seconds(300)
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
            // Said while it happens.
            _ = try await eventually("the loss is told") {
                server.errors.contains("log lines were dropped: nobody reads stdout") ? true : nil
            }
            try await expect(server.stop()) { $0 == .exited(0) }
            #expect(server.errors.contains("log lines were dropped in all: nobody reads stdout"))
        }
    }

    /// A full disk: lines are lost and told of, and service goes on.
    @Test func aFullDiskIsToldWhileItIsFull() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = try await Certificates.shared()
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        let file = try scratch.write(configuration.yaml(certificates), to: "freeinference.yaml")
        let serve = "exec '\(Repository.binary)' serve --config '\(file)' > /dev/full"
        let server = try await ChildProcess.start("sh", ["-c", serve], in: scratch)
        _ = try await eventually("the server") { server.errors.contains("ready") ? true : nil }
        let url = "http://127.0.0.1:\(configuration.clear)/v1/models"
        for _ in 0..<3 {
            try await expect(run("curl", ["--silent", "--fail", "--noproxy", "*", url])) { $0.succeeded }
        }
        _ = try await eventually("the loss is told") {
            server.errors.contains("log lines were dropped: stdout: No space left on device") ? true : nil
        }
        // The first one is told of before the others are written.
        _ = try await eventually("the loss of all three") {
            let page = try await run(
                "curl",
                ["--silent", "--noproxy", "*", "http://127.0.0.1:\(configuration.admin)/metrics"]
            )
            return page.output.contains("freeinference_log_lines_dropped_total 3\n") ? true : nil
        }
        try await expect(server.stop()) { $0 == .exited(0) }
        #expect(server.errors.contains("3 log lines were dropped in all: stdout: No space left on device"))
    }

    /// Both streams into one pipe that nobody reads, as under a supervisor that has stalled.
    @Test func aBlockedStderrStopsNobody() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = try await Certificates.shared()
        // Each connection beyond the limit is a warning.
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        let file = try scratch.write(configuration.yaml(certificates), to: "freeinference.yaml")
        let pipe = scratch.file("pipe")
        let fill = "dd if=/dev/zero of=/proc/self/fd/3 bs=4096 count=16 oflag=nonblock 2>/dev/null"
        let serve = "exec '\(Repository.binary)' serve --config '\(file)' >&3 2>&3"
        let command = "mkfifo '\(pipe)'; exec 3<>'\(pipe)'; \(fill); \(serve)"
        let server = try await ChildProcess.start("sh", ["-c", command], in: scratch)
        let url = "http://127.0.0.1:\(configuration.clear)/health"
        _ = try await eventually("the server") {
            try await run("curl", ["--silent", "--fail", "--noproxy", "*", url]).succeeded ? true : nil
        }
        try await expect(server.stop()) { $0 == .exited(0) }
    }
}
