import Foundation
import Testing

/// Most requests share one prompt prefix, while executors with prefix caches stop, start and slow down.
@Suite struct PrefixStormTests {
    private static let perSecond = 9.0
    private static let seconds = 64
    /// The length of the hot prefix, of the warm prefix, and of the rest of each prompt, in blocks of 512 tokens.
    private static let hotBlocks = 8, warmBlocks = 9, ownBlocks = 4
    /// The prompt tokens that an executor computes per second.
    ///
    /// The load is 60 % of what the first four executors can compute.
    private static let rate = 8000
    private static let bytesAToken = 4
    /// The server measures an executor's work in bytes of prompts that it has to compute.
    ///
    /// A running stream counts as this many bytes of work.
    private static let bytesAStream = 4096
    /// The limit of the extra wait in seconds: a request may wait this much longer at an executor that caches its
    /// prompt than at another one.
    private static let gate = 4

    /// A trace of requests at a steady rate: six of ten begin with the hot prefix, three with the warm one.
    ///
    /// More than half of all prompts begin with the hot prefix, so the server does not count a match of it as a reason
    /// to choose an executor. A match of the warm prefix is such a reason.
    private static let trace: String = {
        var next = 1000
        return (0..<Int(Double(seconds) * perSecond)).map { index in
            let own = (0..<ownBlocks).map { next + $0 }
            next += ownBlocks
            let prefix =
                switch index % 10 {
                case 0, 2, 4, 6, 7, 8: Array(0..<hotBlocks)
                case 1, 3, 5: (0..<warmBlocks).map { 100 + $0 }
                default: [Int]()
                }
            let blocks = prefix + own
            return "{\"timestamp\": \(Int(Double(index) * 1000 / perSecond)), "
                + "\"input_length\": \(blocks.count * 512), \"output_length\": 4, \"hash_ids\": \(blocks)}\n"
        }.joined()
    }()

    /// A finished request, from its log line: when it was sent to its executor, when its response began, and when it
    /// ended, in seconds.
    private struct Request {
        let executor: String
        let held: Int
        let missing: Int
        let isHot: Bool
        let sent: Double
        let begun: Double
        let ended: Double

        init(_ line: JSON) throws {
            executor = try #require(line.executor.string)
            held = try #require(line.held_bytes.int)
            let tokens = try #require(line.prompt_tokens.int)
            missing = max(0, tokens * PrefixStormTests.bytesAToken - held)
            isHot = tokens == (PrefixStormTests.hotBlocks + PrefixStormTests.ownBlocks) * 512
            let time = try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(#require(line.time.string))
            ended = time.timeIntervalSince1970
            sent = try ended - (#require(line.duration_ms.double) - #require(line.attempt_ms.double)) / 1000
            begun = try sent + #require(line.wait_ms.double) / 1000
        }
    }

    /// The work of an executor at a given time: the prompt bytes that it has to compute, plus `bytesAStream` for each
    /// request.
    private func work(_ requests: [Request], of executor: String, at time: Double) -> Int {
        requests.reduce(0) { sum, request in
            guard request.executor == executor, request.sent < time, time < request.ended else { return sum }
            return sum + (time < request.begun ? request.missing : 0) + Self.bytesAStream
        }
    }

    private func models(_ executors: [Executor]) -> String {
        let members = executors.map { "{url: '\($0.url)', kind: vllm, health: {interval: 0s}}" }
        return "- {id: demo, balance: prefix, executors: [\(members.joined(separator: ", "))]}"
    }

    @Test func aHotPrefixWhileExecutorsDieComeAndSlowDown() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let slow = scratch.file("slow")
        let engine = ["--cache-tokens", "200000", "--prefill-rate", "\(Self.rate)", "--pace", "0"]
        var executors: [Executor] = []
        for index in 0..<4 {
            let options = engine + (index == 1 ? ["--slow-while", slow] : [])
            executors.append(try await Executor.start(options, in: scratch))
        }
        let killed = executors[0]
        var configuration = Configuration(models: models(executors))
        configuration.commands = scratch.file("admin.sock")
        let file = try scratch.write(Self.trace, to: "trace.jsonl")
        try await withServer(configuration) { server in
            let arguments = ["bench", "trace", "--url", server.clear, "--file", file, "--json"]
            let client = try await ChildProcess.start(Repository.binary, arguments, in: scratch)
            try await Task.sleep(for: .seconds(10))
            killed.process.signal(9)
            _ = try await killed.process.ending()
            let restart = Date().timeIntervalSince1970
            try await Task.sleep(for: .seconds(8))
            executors[0] = try await Executor.start(engine, at: killed.address, in: scratch)
            try await Task.sleep(for: .seconds(8))

            executors.append(try await Executor.start(engine, in: scratch))
            configuration.models = models(executors)
            try server.replaceFile(configuration.yaml(server.certificates))
            #expect(try await server.command("reload").succeeded)
            let reload = Date().timeIntervalSince1970
            try await Task.sleep(for: .seconds(10))

            _ = try scratch.write("", to: "slow")
            let slowed = Date().timeIntervalSince1970
            try await Task.sleep(for: .seconds(18))
            try FileManager.default.removeItem(atPath: slow)
            let fast = Date().timeIntervalSince1970
            _ = try await client.ending(within: .seconds(120))

            let lines = try await eventually("a line for each request") {
                server.log.count == Self.trace.split(separator: "\n").count ? server.log : nil
            }
            expectNoneLost(lines)
            let requests = try lines.filter { $0.end.string == "complete" }.map { try Request($0) }
            #expect(requests.count > lines.count - 5, "only streams of the killed executor may break")
            let urls = executors.map(\.url)
            expectNothingHot(requests, steady: [urls[2], urls[3]])

            let first = requests.filter { $0.executor == urls[0] && $0.sent > restart }.min { $0.sent < $1.sent }
            #expect(first?.held == 0, "a restarted engine holds nothing")
            let kept = requests.filter { $0.isHot && $0.sent > reload && [urls[2], urls[3]].contains($0.executor) }
            #expect(!kept.isEmpty, "the executors that stay are used")
            #expect(kept.allSatisfy { $0.held >= Self.hotBlocks * 512 * 3 }, "the reload forgets nothing")
            #expect(requests.contains { $0.executor == urls[4] && $0.sent < slowed }, "one that comes has its part")

            // The first 3 s after the executor became slow do not count, because the server needs some responses to
            // notice it.
            let shares = urls.map { url in
                requests.count { $0.executor == url && $0.sent > slowed + 3 && $0.sent < fast }
            }
            let others = Double(shares.reduce(0, +) - shares[1]) / Double(shares.count - 1)
            #expect(Double(shares[1]) < others, "the slow one has less than the mean of the others: \(shares)")
            #expect(shares[1] > 0, "and is not left out")
            let cached = lines.reduce(0) { $0 + ($1.cached_tokens.int ?? 0) }
            let all = lines.reduce(0) { $0 + ($1.prompt_tokens.int ?? 0) }
            // If every shared prefix were always cached, 67 % of the tokens would be. At least 40 % must be.
            #expect(cached * 10 > all * 4, "\(cached) of \(all)")
            let reasons = lines.map { $0.routed_by.string }
            #expect(reasons.count { $0 == "prefix" } > 50, "the warm prefix stays where it is: \(reasons)")
        }
        for executor in executors { try await executor.process.stop() }
    }

    /// Expects from the log that no request waited at its executor much longer than it would have waited elsewhere.
    ///
    /// "Elsewhere" is the least loaded executor of `steady`, those that ran all the time. The limit is doubled, because
    /// the server may have measured an executor's rate as up to twice the true rate.
    private func expectNothingHot(_ requests: [Request], steady: [String]) {
        let gate = 2 * Self.gate * Self.rate * Self.bytesAToken
        for request in requests {
            let own = work(requests, of: request.executor, at: request.sent)
            let least = steady.map { work(requests, of: $0, at: request.sent) }.min() ?? 0
            #expect(own <= least + request.held + gate, "\(own) bytes at \(request.executor), \(least) elsewhere")
        }
    }
}
