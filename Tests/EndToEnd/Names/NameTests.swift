import Glibc
import Testing

/// Executors whose URLs have names: the server starts, serves and ends even if the names do not resolve.
@Suite struct NameTests {
    private func expectUnreachable(_ server: Server, model: String = "demo") async throws {
        let body = chat().replacing("\"demo\"", with: "\"\(model)\"")
        let answer = try await server.curl("/v1/chat/completions", body: body)
        #expect(answer.status == 502)
        try expect(answer.json) { $0.error.code.string == "executor_error" }
        let line = try await server.logged(model) { $0.request_id.string == answer["x-request-id"] }
        #expect(line.end.string == "executor_unreachable")
    }

    @Test func aNameIsResolvedBeforeTheFirstRequest() async throws {
        try await withExecutor { executor in
            let url = executor.url.replacing("127.0.0.1", with: "localhost")
            try await withServer(Configuration(executors: [url])) { server in
                let answer = try await server.curl("/v1/chat/completions", body: chat())
                #expect(answer.status == 200)
                #expect(answer.body.hasSuffix("data: [DONE]\n\n"))
                #expect(!server.process.errors.contains("warning"))
            }
        }
    }

    @Test func aNameThatDoesNotResolveKeepsNobodyElseFromBeingServed() async throws {
        try await withExecutor { executor in
            var configuration = Configuration(executors: [executor.url])
            configuration.models = "- {id: elsewhere, executors: [{url: \"http://no-such-host.invalid:8000\"}]}"
            try await withServer(configuration) { server in
                #expect(server.process.errors.contains("warning: cannot resolve no-such-host.invalid: "))
                try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                try await expectUnreachable(server, model: "elsewhere")
            }
        }
    }

    /// If the name of an executor does not resolve, the server asks for it again after 5 s.
    @Test(.enabled(if: PrivateNames.areAvailable, "mounting takes root"))
    func aNameThatAppearsLaterIsFound() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let names = try PrivateNames(in: scratch)
        try await withExecutor { executor in
            let url = executor.url.replacing("127.0.0.1", with: "executor.test")
            let configuration = Configuration(executors: [url])
            try await withServer(configuration, launcher: names.launcher) { server in
                #expect(server.process.errors.contains("warning: cannot resolve executor.test: "))
                try await expectUnreachable(server)
                try names.setHosts("127.0.0.1 executor.test\n")
                _ = try await eventually("the name", within: .seconds(60)) {
                    server.process.errors.contains("executor.test is at 127.0.0.1:") ? true : nil
                }
                try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                // The name no longer resolves, but the server keeps the address that it has found before.
                try names.setHosts("")
                _ = try await eventually("the warning", within: .seconds(60)) {
                    server.process.errors.contains("cannot resolve executor.test again: ") ? true : nil
                }
                try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
            }
        }
    }

    @Test(.enabled(if: PrivateNames.areAvailable, "port 53 takes root"))
    func aSilentNameServerDelaysNothingButItsNames() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let silent = try SilentNameServer(address: "127.0.0.98")
        let names = try PrivateNames(nameServer: "127.0.0.98", in: scratch)
        try await withExecutor { executor in
            var configuration = Configuration(executors: [executor.url])
            configuration.models = "- {id: elsewhere, executors: [{url: \"http://executor.test:8000\"}]}"
            try await withServer(configuration, launcher: names.launcher) { server in
                #expect(server.process.errors.contains("warning: cannot resolve executor.test: no answer yet."))
                try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                try await expectUnreachable(server, model: "elsewhere")
                // The name server has not answered yet. The server handles the signal nevertheless, and ends.
                server.process.signal(SIGTERM)
                try await expect(server.process.ending(within: .seconds(10))) { $0 == .exited(0) }
            }
        }
        withExtendedLifetime(silent) {}
    }

    /// A signal ends the server also while it still waits for names, before its first worker runs.
    @Test(.enabled(if: PrivateNames.areAvailable, "port 53 takes root"))
    func aSignalWhileNamesAreAwaitedEndsTheServer() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let silent = try SilentNameServer(address: "127.0.0.97")
        let names = try PrivateNames(nameServer: "127.0.0.97", in: scratch)
        let configuration = Configuration(executors: ["http://executor.test:8000"])
        let file = try scratch.write(configuration.yaml(try await Certificates.shared()), to: "freeinference.yaml")
        let words = names.launcher + [Repository.binary, "serve", "--config", file]
        let process = try await ChildProcess.start(words[0], Array(words.dropFirst()), in: scratch)
        // The server listens already, although no worker accepts: the kernel holds the connection in the backlog.
        _ = try await eventually("the listener") { try? await RawConnection(port: configuration.clear) }
        process.signal(SIGTERM)
        try await expect(process.ending()) { $0 == .exited(0) }
        #expect(!process.errors.contains("ready"))
        withExtendedLifetime(silent) {}
    }
}
