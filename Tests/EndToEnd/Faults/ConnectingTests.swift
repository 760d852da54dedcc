import Testing

/// Executors that cannot be reached, or that accept connections late.
@Suite struct ConnectingTests {
    @Test(arguments: Speaking.both)
    func nobodyListeningIs502(_ speaking: Speaking) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:\(Port.free())"])) { server in
            for stream in [true, false] {
                let asked = Tongue.allCases.map { $0.request(stream: stream) }
                for (tongue, seen) in zip(Tongue.allCases, try await server.exchange(asked, speaking)) {
                    #expect(seen.status == 502)
                    #expect(seen.body == tongue.errorBody(.unreachable, requestID: seen.requestID))
                    #expect(seen.isClean)
                    try await expect(server.logged(seen)) { $0.end.string == "executor_unreachable" }
                }
            }
        }
    }

    @Test(arguments: Speaking.both)
    func aUnixSocketThatIsNotThereIs502(_ speaking: Speaking) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(Configuration(executors: ["unix:\(scratch.file("none.sock"))"])) { server in
            let seen = try await server.exchange(Tongue.chat.request(), speaking)
            #expect(seen.status == 502)
            #expect(seen.body == Tongue.chat.errorBody(.unreachable, requestID: seen.requestID))
        }
    }

    /// An executor may accept a connection later than `timeouts.connect`, and the edge waits for it.
    ///
    /// The kernel has completed the connection before, so the delay counts as silence and not as a failure to connect.
    @Test(arguments: Speaking.both)
    func anExecutorThatAcceptsLateIsWaitedFor(_ speaking: Speaking) async throws {
        try await withServer(executor: ["--accept-delay", "3s"], settings: "timeouts: {connect: 1s}") {
            server,
            _ in
            let seen = try await server.exchange(Tongue.chat.request(tokens: 2), speaking)
            #expect(seen.status == 200)
            #expect(seen.isClean)
            #expect(seen.body.hasSuffix("data: [DONE]\n\n"))
        }
    }

    /// If the backlog of the executor's socket is full, connection attempts get no answer, and the client gets a 502.
    @Test(arguments: Speaking.both)
    func aDoorThatNobodyOpensIs502(_ speaking: Speaking) async throws {
        let closed = try await FullListener()
        let settings = "timeouts: {connect: 500ms}"
        try await withServer(Configuration(executors: [closed.url], settings: settings)) { server in
            let seen = try await server.exchange(Tongue.chat.request(), speaking)
            #expect(seen.status == 502)
            try await expect(server.logged(seen)) { $0.end.string == "executor_unreachable" }
            try await expect(eventually("no connection left") { try closed.attempts() == 0 ? true : nil }) { $0 }
        }
    }
}
