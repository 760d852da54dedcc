import Testing

/// Tests unix sockets as listeners of the server and as addresses of executors.
@Suite struct UnixSocketTests {
    @Test func aListenerAndAnExecutorMayBeUnixSockets() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = scratch.file("server.sock")
        try await withExecutor(at: .unix(path: scratch.file("executor.sock"))) { executor in
            let yaml = """
                listeners:
                  - address: unix:\(path)
                admin: {address: 127.0.0.1:\(Port.free())}
                models:
                  - id: demo
                    executors:
                      - url: \(executor.url)
                """
            try await withServer(Configuration(), yaml: yaml) { server in
                for speaking in [Protocol.http1, .http2, .http2PriorKnowledge] {
                    let answer = try await server.curl(
                        "/v1/chat/completions",
                        speaking,
                        secure: false,
                        body: chat(),
                        arguments: ["--unix-socket", path]
                    )
                    #expect(answer.exitCode == 0)
                    #expect(answer.version == (speaking == .http1 ? "1.1" : "2"))
                    #expect(eventData(answer.body).last == "[DONE]")
                }
                try await executor.counter("finished", reaches: 3)
            }
        }
    }

    /// With the umask of the systemd unit no other user may connect to a unix socket, unless the configuration sets the
    /// mode of the socket.
    @Test func othersMayConnectWhereTheConfigurationSaysSo() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let yaml = """
            listeners:
              - {address: "unix:\(scratch.file("open.sock"))", mode: 0666}
              - {address: "unix:\(scratch.file("closed.sock"))"}
            admin: {address: "unix:\(scratch.file("admin.sock"))", mode: 0660}
            models: [{id: demo, executors: [{url: "http://127.0.0.1:1"}]}]
            """
        let launcher = ["/bin/sh", "-c", "umask 077; exec \"$@\"", "sh"]
        try await withServer(Configuration(), yaml: yaml, launcher: launcher) { server in
            let names = ["open.sock", "closed.sock", "admin.sock"].map { scratch.file($0) }
            let seen = try await run("stat", ["--format=%a"] + names)
            #expect(seen.output == "666\n700\n660\n")
        }
    }

    @Test func aSocketFileThatNobodyListensOnIsReplaced() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = scratch.file("server.sock")
        let yaml = """
            listeners:
              - address: unix:\(path)
            admin: {address: 127.0.0.1:\(Port.free())}
            models:
              - id: demo
                executors: [{url: "http://127.0.0.1:1"}]
            """
        let folder = try Scratch()
        defer { folder.remove() }
        let killed = try await Server.start(Configuration(), yaml: yaml, in: folder)
        killed.process.signal(9)
        try await expect(killed.process.ending()) { $0 == .signaled(9) }
        try await withServer(Configuration(), yaml: yaml) { server in
            let answer = try await server.curl("/health", secure: false, arguments: ["--unix-socket", path])
            #expect(answer.status == 200)
        }
    }

    @Test func aClientThatLeavesAUnixListenerAbortsItsExecutor() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = scratch.file("server.sock")
        try await withExecutor(at: .unix(path: scratch.file("executor.sock"))) { executor in
            let yaml = """
                listeners:
                  - address: unix:\(path)
                admin: {address: 127.0.0.1:\(Port.free())}
                models:
                  - id: demo
                    executors:
                      - url: \(executor.url)
                """
            try await withServer(Configuration(), yaml: yaml) { _ in
                let client = try await RawConnection(to: .unix(path: path))
                let body = chat(tokens: 100_000)
                try await client.send(
                    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
                )
                _ = try await client.receive(until: "data:")
                client.close()
                try await executor.counter("aborted", reaches: 1)
            }
        }
    }
}
