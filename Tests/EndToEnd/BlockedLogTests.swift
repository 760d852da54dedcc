import Testing

/// If nobody reads stdout, log lines are lost, but requests are served.
@Suite struct BlockedLogTests {
    @Test func serviceGoesOnAndLostLinesAreCounted() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = try await Certificates.shared()
        try await withExecutor { executor in
            let configuration = Configuration(executors: [executor.url])
            let file = try scratch.write(configuration.yaml(certificates), to: "freeinference.yaml")
            let pipe = scratch.file("pipe")
            // The shell opens the pipe for reading and writing, so the pipe has a reader, but that reader never
            // reads.
            let serve = "'\(Repository.binary)' serve --config '\(file)'"
            let command = "mkfifo '\(pipe)'; exec 3<>'\(pipe)'; exec \(serve) >&3"
            let server = try await ChildProcess.start("sh", ["-c", command], in: scratch)
            do {
                _ = try await eventually("the server") { server.errors.contains("ready") ? true : nil }
                // Each log line has some hundred bytes; all lines together exceed the pipe's buffer and the queue
                // behind it.
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
            // The loss is reported while it lasts, not only at the end.
            _ = try await eventually("the loss is told") {
                server.errors.contains("log lines were dropped: nobody reads stdout") ? true : nil
            }
            try await expect(server.stop()) { $0 == .exited(0) }
            #expect(server.errors.contains("log lines were dropped in all: nobody reads stdout"))
        }
    }

    /// On a full disk log lines are lost and the loss is reported; requests are served.
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
        // The message may come before the other two lines are written and lost, so the test waits for all three.
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

    /// stdout and stderr go to one pipe that nobody reads, as under a supervisor that hangs.
    @Test func aBlockedStderrStopsNobody() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = try await Certificates.shared()
        // The model's executor is never contacted; the test sends health requests only.
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
