import Glibc
import Testing

/// Socket activation: listening sockets that the parent process opened, as systemd does it.
///
/// `make test-systemd` runs the same under a real systemd, with restarts.
@Suite struct ActivationTests {
    private func launcher(_ ports: [Int]) -> [String] {
        ["python3", Repository.clients + "/activate.py"] + ports.map { "127.0.0.1:\($0)" } + ["--"]
    }

    /// Two workers accept on each socket, whether or not the sockets come in the order of the configuration.
    @Test(arguments: [true, false]) func inheritedSocketsAreServedByAllWorkers(inOrder: Bool) async throws {
        try await withExecutor { executor in
            let configuration = Configuration(executors: [executor.url], settings: "workers: 2")
            let ports = inOrder ? [configuration.tls, configuration.clear] : [configuration.clear, configuration.tls]
            try await withServer(configuration, launcher: launcher(ports)) { server in
                #expect(server.process.errors.contains("127.0.0.1:\(configuration.tls) (TLS), inherited"))
                #expect(server.process.errors.contains("127.0.0.1:\(configuration.clear), inherited"))
                for secure in [true, false] {
                    try await withThrowingTaskGroup(of: Bool.self) { group in
                        for _ in 0..<12 {
                            group.addTask {
                                let answer = try await server.curl(
                                    "/v1/chat/completions",
                                    secure: secure,
                                    body: chat()
                                )
                                return answer.exitCode == 0 && eventData(answer.body).last == "[DONE]"
                            }
                        }
                        for try await isWhole in group { #expect(isWhole) }
                    }
                }
                try await executor.counter("finished", reaches: 24)
            }
        }
    }

    @Test func aListenerWithoutASocketOpensItsOwn() async throws {
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        try await withServer(configuration, launcher: launcher([configuration.tls])) { server in
            #expect(server.process.errors.contains("127.0.0.1:\(configuration.tls) (TLS), inherited"))
            #expect(server.process.errors.contains("127.0.0.1:\(configuration.clear)\n"))
            for secure in [true, false] {
                let answer = try await server.curl("/health", secure: secure)
                #expect(answer.status == 200)
            }
        }
    }

    /// A socket that no listener uses is an error, because clients would connect to it and wait for ever.
    @Test func aSocketThatNoListenerHasIsAnError() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        let file = try scratch.write(configuration.yaml(try await Certificates.shared()), to: "freeinference.yaml")
        let other = Port.free()
        let words = launcher([configuration.tls, other, configuration.clear])
        let seen = try await run(
            words[0],
            Array(words.dropFirst()) + [Repository.binary, "serve", "--config", file]
        )
        #expect(seen.status == .exited(1))
        #expect(seen.errors.contains("cannot start: no listener of the configuration has the inherited socket"))
        #expect(seen.errors.contains("127.0.0.1:\(other)\n"))
    }
}
