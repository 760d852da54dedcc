import Foundation
import Testing

/// Runs `freeinference executors` against a real server while streams are under way.
@Suite struct ExecutorsTests {
    /// Runs a server with a command socket in front of two executors.
    private func withTwo(_ body: (Server, Executor, Executor, Scratch) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { one in
            try await withExecutor { two in
                var configuration = Configuration(executors: [one.url, two.url])
                configuration.commands = scratch.file("admin.sock")
                try await withServer(configuration) { try await body($0, one, two, scratch) }
            }
        }
    }

    private func requests(_ executor: Executor) async throws -> Int {
        let counters = try await executor.counters()
        return ["running", "finished", "aborted"].reduce(0) { $0 + (counters[$1].int ?? 0) }
    }

    private func ask(_ server: Server, _ count: Int) async throws {
        for _ in 0..<count {
            let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 1))
            #expect(answer.status == 200, "\(answer)")
        }
    }

    @Test func aDrainWaitsForTheLastStreamAndLetsNoRequestThere() async throws {
        try await withTwo { server, one, two, scratch in
            let body = chat(tokens: 60, more: #""simulator":{"pace":20,"prefill_ms":1}"#)
            var streams: [ChildProcess] = []
            for _ in 0..<4 { streams.append(try await server.streamingCurl(body: body, in: scratch)) }
            try await one.counter("running", reaches: 2)
            let arguments = ["executors", "drain", one.url, "--wait", "--socket", server.configuration.commands ?? ""]
            let wait = try await ChildProcess.start(Repository.binary, arguments, in: scratch)
            try await eventually("the drain") {
                try await server.metrics().sum("freeinference_executor_drained") == 1 ? true : nil
            }
            let before = try await requests(one)
            #expect(before == 2)
            try await ask(server, 6)
            #expect(try await one.counters().running.int == 2, "its streams go on")
            #expect(wait.isRunning, "\(wait.output)")
            #expect(try await requests(one) == before, "no new request went there")

            let health = try await server.admin("/health/deep").json
            let executors = health.models[0].executors.array
            #expect(executors.map(\.drained.bool) == [true, false], "\(health)")
            #expect(executors.map(\.usable.bool) == [false, true] && health.models[0].usable.bool == true)
            let status = try await server.command("status")
            #expect(status.output.contains("drained") && status.output.contains("a restart forgets them"), "\(status)")

            #expect(try await wait.ending() == .exited(0))
            #expect(wait.output.contains("the last attempt is over"), "\(wait.output)")
            #expect(try await one.counters().running.int == 0)
            for stream in streams {
                #expect(try await stream.ending() == .exited(0))
                #expect(stream.output.contains("[DONE]"))
            }
            #expect(try await requests(one) == before)
            #expect(try await one.counters().aborted.int == 0)
            #expect(server.process.errors.contains("drain of \(one.url) asked by "), "\(server.process.errors)")

            let resumed = try await server.command("executors", "resume", one.url)
            #expect(resumed.succeeded && resumed.output.contains("as configured"), "\(resumed)")
            let toTwo = try await requests(two)
            try await ask(server, 10)
            // The share of the resumed executor begins at a tenth, and grows to a half within 10 s.
            let shares = (one: try await requests(one) - before, two: try await requests(two) - toTwo)
            #expect(shares.one < shares.two && shares.one + shares.two == 10, "\(shares)")
            try await eventually("a request at the resumed executor") {
                try await ask(server, 1)
                return try await requests(one) > before ? true : nil
            }
        }
    }

    @Test func ordersSurviveAReloadThatRemovesTheirURL() async throws {
        try await withTwo { server, one, two, _ in
            #expect(try await server.command("executors", "drain", one.url).succeeded)
            let whole = server.configuration.yaml(server.certificates)
            var next = server.configuration
            next.executors = [two.url]
            try server.replaceFile(next.yaml(server.certificates))
            #expect(try await server.command("reload").succeeded)
            let status = try JSON(parsing: try await server.command("status", "--json").output)
            #expect(status.orders[0].url.string == one.url && status.orders[0].drained.bool == true, "\(status)")
            try server.replaceFile(whole)
            #expect(try await server.command("reload").succeeded)
            try await ask(server, 4)
            #expect(try await requests(one) == 0)
            let weight = try await server.command("executors", "weight", two.url, "3")
            #expect(weight.output.contains("has the weight 3"), "\(weight)")
            let metrics = try await server.metrics()
            let labels = ["model": "demo", "executor": two.url]
            #expect(metrics["freeinference_executor_weight", labels] == 3)
        }
    }

    @Test func withoutAnExecutorLeftRequestsAreToldSo() async throws {
        try await withTwo { server, one, two, _ in
            #expect(try await server.command("executors", "drain", one.url).succeeded)
            let last = try await server.command("executors", "drain", two.url)
            #expect(last.output.contains("the model demo has no executor left"), "\(last)")
            let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 1))
            #expect(answer.status == 503 && answer.body.contains("no_executor"), "\(answer)")
            try await expect(server.admin("/health/deep")) { $0.status == 503 }
            #expect(try await server.command("executors", "resume", two.url).succeeded)
            try await ask(server, 1)
        }
    }

    @Test func aFaultyOrderIsRefusedWithWhatThereIs() async throws {
        try await withTwo { server, one, two, _ in
            let unknown = try await server.command("executors", "drain", "http://127.0.0.9:1")
            #expect(unknown.status == .exited(2), "\(unknown)")
            #expect(unknown.output.contains(one.url) && unknown.output.contains(two.url), "\(unknown)")
            let several = try await server.command("executors", "drain", "127.0.0.1")
            #expect(several.status == .exited(2) && several.output.contains("several executors"), "\(several)")
            let model = try await server.command("executors", "drain", one.url, "--model", "other")
            #expect(model.status == .exited(2) && model.output.contains("does not serve"), "\(model)")
            let weight = try await server.command("executors", "weight", one.url, "1000001")
            #expect(weight.status == .exited(2) && weight.output.contains("between 0 and 1000000"), "\(weight)")
            #expect(try await server.metrics().sum("freeinference_executor_drained") == 0)
        }
    }

    /// Two commands `executors drain --wait` for one executor run; one is stopped, and a reload removes the executor.
    ///
    /// The second command still waits until the executor's last attempt is over.
    @Test func aWaitSurvivesWhatHappensMeanwhile() async throws {
        try await withTwo { server, one, two, scratch in
            let body = chat(tokens: 100, more: #""simulator":{"pace":20,"prefill_ms":1}"#)
            let first = try await server.streamingCurl(body: body, in: scratch)
            let second = try await server.streamingCurl(body: body, in: scratch)
            try await one.counter("running", reaches: 1)
            let arguments = ["executors", "drain", one.url, "--wait", "--socket", server.configuration.commands ?? ""]
            let leaving = try await ChildProcess.start(Repository.binary, arguments, in: scratch)
            let waiting = try await ChildProcess.start(Repository.binary, arguments, in: scratch)
            try await eventually("both drains") {
                server.process.errors.components(separatedBy: "drain of").count > 2 ? true : nil
            }
            try await leaving.stop()
            var next = server.configuration
            next.executors = [two.url]
            try server.replaceFile(next.yaml(server.certificates))
            #expect(try await server.command("reload").succeeded)
            #expect(waiting.isRunning, "\(waiting.output)")
            #expect(try await waiting.ending() == .exited(0))
            #expect(waiting.output.contains("the last attempt is over"), "\(waiting.output)")
            for stream in [first, second] { #expect(try await stream.ending() == .exited(0)) }
            #expect(try await one.counters().aborted.int == 0)
        }
    }
}
