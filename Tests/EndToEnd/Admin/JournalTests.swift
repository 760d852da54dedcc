import Testing

/// Under systemd each log line begins with its syslog priority.
@Suite struct JournalTests {
    /// Sets `JOURNAL_STREAM` to the device and inode of this descriptor, as systemd does for a service.
    private func launcher(_ descriptor: Int) -> [String] {
        let script = "export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/\(descriptor)); exec \"$@\""
        return ["/bin/sh", "-c", script, "sh"]
    }

    @Test func linesOnStdoutHaveTheirPriority() async throws {
        try await withExecutor { executor in
            try await withServer(Configuration(executors: [executor.url]), launcher: launcher(1)) { server in
                _ = try await server.curl("/v1/chat/completions", body: chat())
                _ = try await server.curl("/nothing")
                let broken = chat(tokens: 50, more: #""simulator":{"fault":"die_after:2"}"#)
                _ = try await server.curl("/v1/chat/completions", body: broken)
                let lines = try await eventually("three lines") {
                    let lines = server.process.output.split(separator: "\n").map(String.init)
                    return lines.count == 3 && server.process.output.hasSuffix("\n") ? lines : nil
                }
                #expect(lines.map { $0.prefix(3) } == ["<6>", "<6>", "<4>"])
                let ends = try lines.map { try JSON(parsing: String($0.dropFirst(3))).end.string }
                #expect(ends == ["complete", "not_found", "executor_broke_off"])
                // stderr is not the stream that `JOURNAL_STREAM` names, so its lines carry no priority.
                #expect(server.process.errors.hasPrefix("freeinference: "))
            }
        }
    }

    @Test func messagesOnStderrHaveTheirs() async throws {
        let executors = ["http://no-such-host.invalid:1"]
        try await withServer(Configuration(executors: executors), launcher: launcher(2)) { server in
            let lines = server.process.errors.split(separator: "\n")
            #expect(
                lines.contains { $0.hasPrefix("<4>freeinference: warning: cannot resolve no-such-host.invalid") },
                "\(lines)"
            )
            #expect(lines.contains("<6>freeinference: ready"))
            _ = try await server.curl("/nothing")
            let line = try await server.logged("the 404") { $0.status.int == 404 }
            #expect(line.end.string == "not_found")
        }
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.write("listeners: 1\nmodels: []\n", to: "bad.yaml")
        let words = launcher(2) + [Repository.binary, "serve", "--config", file]
        let seen = try await run(words[0], Array(words.dropFirst()))
        #expect(seen.status == .exited(2))
        #expect(
            seen.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("<3>") },
            "\(seen.errors.split(separator: "\n"))"
        )
    }

    @Test func withoutTheJournalThereIsNone() async throws {
        try await withServer(
            Configuration(executors: ["http://127.0.0.1:1"]),
            environment: ["JOURNAL_STREAM": "1:2"]
        ) { server in
            _ = try await server.curl("/nothing")
            _ = try await server.logged("the 404") { $0.status.int == 404 }
            #expect(server.process.output.hasPrefix("{"))
            #expect(server.process.errors.hasPrefix("freeinference: "))
        }
    }
}
