import Foundation
import Testing

/// Clients that send little and make the server hold much memory.
///
/// That memory is counted, one connection cannot use it all, and other clients are served.
@Suite struct HoardTests {
    private static let limit = 64 << 20
    /// Memory outside the budget: the process itself, the buffers of its workers, and what malloc keeps.
    private static let beside = 64 << 20

    struct Attack: Sendable, CustomTestStringConvertible {
        let kinds: [String]
        let isSecure: Bool
        var testDescription: String { "\(kinds.joined(separator: ", ")) \(isSecure ? "over TLS" : "in clear")" }

        static let all = [
            ["windows"], ["heads"], ["trailers"], ["bodies"], ["windows", "heads", "trailers", "bodies"],
        ]
        .flatMap { kinds in [true, false].map { Attack(kinds: kinds, isSecure: $0) } }
    }

    /// Sixty models with long names, so that the model list has about 30 kB.
    private static func models(_ url: String) -> String {
        (0..<60).map { number in
            let name = "model-\(number)-" + String(repeating: "x", count: 120)
            return "- {id: \(name), executors: [{url: '\(url)', health: {interval: 0s}}]}\n"
        }.joined()
    }

    @Test(arguments: Attack.all)
    func twentyConnectionsOfEachKindStayInTheBudget(_ attack: Attack) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { executor in
            let configuration = Configuration(
                executors: [executor.url],
                settings: "memory_limit: 64MiB\ntimeouts: {body: 120s}",
                models: Self.models(executor.url)
            )
            try await withServer(configuration) { server in
                let stop = scratch.file("stop")
                let target = server.target(secure: attack.isSecure)
                let hoards = try await ChildProcess.start(
                    Repository.python,
                    [Repository.clients + "/hoards.py"] + target + ["--stop", stop] + attack.kinds,
                    in: scratch
                )
                do {
                    try await Self.judge(attack, server, hoards)
                    try scratch.write("", to: "stop")
                    _ = try await hoards.ending(within: .seconds(60))
                } catch {
                    try await hoards.stop(within: .zero)
                    throw Unmet("\(error)\n\(hoards.output.prefix(2000))\n\(hoards.errors)")
                }
                // After the clients have left, only buffers that a worker keeps for all connections are still
                // charged.
                _ = try await eventually("an empty budget", within: .seconds(60)) {
                    try await server.metrics().sum("freeinference_memory_used_bytes") < 4 << 20 ? true : nil
                }
            }
        }
    }

    private static func judge(_ attack: Attack, _ server: Server, _ hoards: ChildProcess) async throws {
        let line = try await eventually("the hoards", within: .seconds(120)) {
            if let line = hoards.output.split(separator: "\n").first { return try JSON(parsing: String(line)) }
            guard hoards.isRunning else { throw Unmet("the hoards ended") }
            return nil
        }
        #expect((line.holding.int ?? 0) > 1000)
        #expect((line.refused.int ?? 0) > 0)
        // The server still serves other clients: it sends the model list, and a response to a long prompt.
        try await expect(server.curl("/v1/models", .http2)) { $0.status == 200 }
        let prompt = String(repeating: "0123456789abcde ", count: 2000)
        let body = chat(stream: false, prompt: prompt, tokens: 5)
        for speaking in [Protocol.http1, .http2] {
            try await expect(server.curl("/v1/chat/completions", speaking, body: body)) { $0.status == 200 }
        }
        let resident = try #require(server.process.memory()) << 10
        let used = try await server.metrics().sum("freeinference_memory_used_bytes")
        print("\(attack.testDescription): resident \(resident >> 20) MiB, charged \(used >> 20) MiB, \(line)")
        #expect(resident < limit + beside, "resident \(resident >> 20) MiB")
        #expect(used <= limit, "charged \(used >> 20) MiB")
        // The server's memory metric covers all memory that clients cause. The resident size is larger only by what the
        // process needs without clients.
        #expect(resident < used + beside, "resident \(resident >> 20) MiB, charged \(used >> 20) MiB")
    }
}
