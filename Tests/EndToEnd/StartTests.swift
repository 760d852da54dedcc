import Testing

/// Faults that prevent the start are reported clearly.
@Suite struct StartTests {
    @Test(arguments: [true, false])
    func anAddressInUseIsAnError(secure: Bool) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { first in
            var second = Configuration(executors: ["http://127.0.0.1:1"])
            if secure { second.tls = first.configuration.tls } else { second.clear = first.configuration.clear }
            let port = secure ? second.tls : second.clear
            let scratch = try Scratch()
            defer { scratch.remove() }
            let file = try scratch.write(second.yaml(first.certificates), to: "freeinference.yaml")
            let seen = try await run(Repository.binary, ["serve", "--config", file])
            #expect(seen.status == .exited(1))
            #expect(seen.errors.contains("cannot start"))
            #expect(seen.errors.contains("127.0.0.1:\(port)"))
            #expect(seen.errors.lowercased().contains("in use"))
            try await expect(first.curl("/health")) { $0.status == 200 }
        }
    }

    @Test func aSocketFileInUseIsAnError() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        func yaml() -> String {
            """
            listeners: [{address: "unix:\(scratch.file("server.sock"))"}]
            admin: {address: 127.0.0.1:\(Port.free())}
            models:
              - id: demo
                executors: [{url: "http://127.0.0.1:1"}]
            """
        }
        try await withServer(Configuration(), yaml: yaml()) { server in
            let file = try scratch.write(yaml(), to: "second.yaml")
            let seen = try await run(Repository.binary, ["serve", "--config", file])
            #expect(seen.status == .exited(1))
            #expect(seen.errors.contains("server.sock"))
            let unix = ["--unix-socket", scratch.file("server.sock")]
            try await expect(server.curl("/health", secure: false, arguments: unix)) { $0.status == 200 }
        }
    }

    @Test func theVersionIsSaid() async throws {
        let seen = try await run(Repository.binary, ["--version"])
        #expect(seen.succeeded)
        #expect(seen.output.contains("."))
    }
}
