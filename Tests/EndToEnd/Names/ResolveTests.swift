import Glibc
import Testing

/// `resolve: all` and `resolve: srv`: each address of a name is an executor, as long as the name server lists it.
@Suite(.enabled(if: PrivateNames.areAvailable, "port 53 takes root"))
struct ResolveTests {
    /// Runs a server that asks a name server with these records for the executor of its model `demo`.
    private func withNames(
        _ address: String,
        url: String,
        resolve: String,
        records: [String: [NameServer.Record]],
        _ body: (Server, NameServer) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try NameServer(address: address)
        defer { server.stop() }
        for (name, list) in records { server.set(name, list) }
        let names = try PrivateNames(nameServer: address, in: scratch)
        var configuration = Configuration()
        let executor = "{url: '\(url)', resolve: \(resolve), health: {interval: 0s}}"
        configuration.models = "- {id: demo, balance: round-robin, executors: [\(executor)]}"
        try await withServer(configuration, launcher: names.launcher) { try await body($0, server) }
    }

    /// The executors of the model as `/health/deep` names them.
    private func executors(of server: Server) async throws -> [String] {
        let health = try JSON(parsing: try await server.admin("/health/deep").body)
        return health.models[0].executors.array.compactMap(\.url.string)
    }

    private func executors(of server: Server, become expected: [String]) async throws {
        var last: [String] = []
        do {
            try await eventually("the executors", within: .seconds(60), every: .milliseconds(50)) {
                last = try await executors(of: server)
                return last == expected ? true : nil
            }
        } catch {
            throw Unmet("\(error): \(last), and not \(expected)\n\(server.process.errors)")
        }
    }

    private func chats(_ count: Int, of server: Server) async throws {
        for _ in 0..<count {
            let answer = try await server.curl("/v1/chat/completions", body: chatOnce)
            #expect(answer.status == 200, "\(answer)")
        }
    }

    private func finished(_ executor: Executor) async throws -> Int {
        try await executor.counters().finished.int ?? -1
    }

    private func waits(for text: String, of server: Server) async throws {
        try await eventually("'\(text)'", within: .seconds(60)) {
            server.process.errors.contains(text) ? true : nil
        }
    }

    @Test func eachAddressIsAnExecutorAsLongAsTheNameHasIt() async throws {
        let port = Port.free()
        let name = "http://engine.test:\(port)"
        let both: [NameServer.Record] = [.address("127.0.0.2"), .address("127.0.0.1")]
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(at: .loopback(port: port)) { first in
            try await withExecutor(at: .host("127.0.0.2", port: port)) { second in
                try await withNames("127.0.0.90", url: name, resolve: "all", records: ["engine.test": both]) {
                    server,
                    names in
                    try await executors(of: server, become: ["\(name) (127.0.0.1)", "\(name) (127.0.0.2)"])
                    try await chats(8, of: server)
                    try await expect(finished(first)) { $0 == 4 }
                    try await expect(finished(second)) { $0 == 4 }

                    // The address of one executor disappears from the name while that executor sends a stream.
                    let body = chat(tokens: 100, more: #""simulator":{"pace":8,"prefill_ms":1}"#)
                    let streams = [
                        try await server.streamingCurl(body: body, in: scratch),
                        try await server.streamingCurl(body: body, in: scratch),
                    ]
                    try await first.counter("running", reaches: 1)
                    try await second.counter("running", reaches: 1)
                    names.set("engine.test", [.address("127.0.0.1")])
                    try await executors(of: server, become: ["\(name) (127.0.0.1)"])
                    try await chats(4, of: server)
                    try await expect(finished(first)) { $0 == 8 }
                    try await expect(finished(second)) { $0 == 4 }
                    for stream in streams {
                        try await expect(stream.ending(within: .seconds(60))) { $0 == .exited(0) }
                        #expect(stream.output.contains("[DONE]"))
                    }
                    try await expect(second.counters().aborted.int) { $0 == 0 }

                    // The address is listed again, so its executor comes back; the order of the addresses does not
                    // matter.
                    names.set("engine.test", both)
                    try await executors(of: server, become: ["\(name) (127.0.0.1)", "\(name) (127.0.0.2)"])
                    #expect(server.process.errors.contains("127.0.0.2:\(port): added"), "\(server.process.errors)")
                }
            }
        }
    }

    @Test(arguments: [("127.0.0.91", true), ("127.0.0.92", false)])
    func theLastAnswerStays(address: String, fails: Bool) async throws {
        try await withExecutor { executor in
            let url = executor.url.replacing("127.0.0.1", with: "engine.test")
            let records: [String: [NameServer.Record]] = ["engine.test": [.address("127.0.0.1")]]
            try await withNames(address, url: url, resolve: "all", records: records) { server, names in
                try await chats(1, of: server)
                if fails { names.setFailing(true) } else { names.set("engine.test", []) }
                try await waits(for: "cannot resolve engine.test again: ", of: server)
                try await chats(1, of: server)
                try await expect(executors(of: server)) { $0 == ["\(url) (127.0.0.1)"] }
                names.setFailing(false)
                names.set("engine.test", records["engine.test"] ?? [])
                try await waits(for: "engine.test resolves again", of: server)
            }
        }
    }

    @Test func recordsOfAServiceHavePortsWeightsAndPriorities() async throws {
        try await withExecutor { first in
            try await withExecutor(at: .host("127.0.0.2", port: Port.free())) { second in
                guard case .loopback(let one) = first.address, case .host(_, let other) = second.address else { return }
                let records: [String: [NameServer.Record]] = [
                    "_llm._tcp.test": [
                        .service("a.test", port: one, priority: 1, weight: 30),
                        .service("b.test", port: other, priority: 1, weight: 10),
                        .service("a.test", port: 1, priority: 2, weight: 99),
                    ],
                    "a.test": [.address("127.0.0.1")],
                    "b.test": [.address("127.0.0.2")],
                ]
                let url = "http://_llm._tcp.test"
                try await withNames("127.0.0.93", url: url, resolve: "srv", records: records) { server, names in
                    let all = ["\(url) (127.0.0.1:\(one))", "\(url) (127.0.0.2:\(other))"]
                    try await executors(of: server, become: all)
                    try await chats(40, of: server)
                    try await expect(finished(first)) { (29...31).contains($0) }
                    try await expect(finished(second)) { (9...11).contains($0) }
                    names.set("_llm._tcp.test", [.service("b.test", port: other)])
                    try await executors(of: server, become: [all[1]])
                    let before = try await finished(first)
                    try await chats(3, of: server)
                    try await expect(finished(first)) { $0 == before }
                }
            }
        }
    }

    @Test func aNameWithoutAnAnswerHasNoExecutorsUntilItComes() async throws {
        try await withExecutor { executor in
            let url = executor.url.replacing("127.0.0.1", with: "engine.test")
            try await withNames("127.0.0.94", url: url, resolve: "all", records: [:]) { server, names in
                #expect(server.process.errors.contains("warning: cannot resolve engine.test: "))
                let refused = try await server.curl("/v1/chat/completions", body: chatOnce)
                #expect(refused.status == 503, "\(refused)")
                names.set("engine.test", [.address("127.0.0.1")])
                try await executors(of: server, become: ["\(url) (127.0.0.1)"])
                try await chats(1, of: server)
            }
        }
    }

    @Test func aReloadWaitsForANameThatIsNew() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let nameServer = try NameServer(address: "127.0.0.96")
        defer { nameServer.stop() }
        nameServer.set("engine.test", [.address("127.0.0.1")])
        let names = try PrivateNames(nameServer: "127.0.0.96", in: scratch)
        try await withExecutor { executor in
            var configuration = Configuration(executors: [executor.url])
            configuration.commands = scratch.file("admin.sock")
            try await withServer(configuration, launcher: names.launcher) { server in
                let url = executor.url.replacing("127.0.0.1", with: "engine.test")
                configuration.executors = []
                configuration.models =
                    "- {id: demo, executors: [{url: '\(url)', resolve: all, health: {interval: 0s}}]}"
                try server.replaceFile(configuration.yaml(server.certificates))
                let reload = try await server.command("reload")
                #expect(reload.succeeded && reload.output.contains("engine.test: address 127.0.0.1"), "\(reload)")
                try await expect(executors(of: server)) { $0 == ["\(url) (127.0.0.1)"] }
                try await chats(1, of: server)
            }
        }
    }

    @Test func checkWarnsOfNamesThatDoNotResolve() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try NameServer(address: "127.0.0.95")
        defer { server.stop() }
        server.set("_llm._tcp.good.test", [.service("a.test", port: 80)])
        server.set("a.test", [.address("127.0.0.1")])
        let names = try PrivateNames(nameServer: "127.0.0.95", in: scratch)
        var configuration = Configuration()
        configuration.models = """
            - {id: a, executors: [{url: "http://_llm._tcp.good.test", resolve: srv}]}
            - {id: b, executors: [{url: "http://_llm._tcp.bad.test", resolve: srv}]}
            - {id: c, executors: [{url: "http://bad.test:8000", resolve: all}]}
            """
        let file = try scratch.write(configuration.yaml(try await Certificates.shared()), to: "freeinference.yaml")
        let words = names.launcher + [Repository.binary, "check", "--config", file]
        let check = try await run(words[0], Array(words.dropFirst()))
        #expect(check.status == .exited(0), "\(check)")
        for name in ["_llm._tcp.bad.test", "bad.test"] {
            #expect("\(check)".contains("warning: cannot resolve \(name): "), "\(check)")
        }
        #expect(!"\(check)".contains("good.test"), "\(check)")
    }
}
