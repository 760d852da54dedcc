import Foundation
import Testing

/// A hundred clients send only a half of a body each, and so use up the memory for bodies.
///
/// Other clients are served meanwhile, and none of their short requests fails. All incomplete requests end.
@Suite struct HalfBodyTests {
    struct Crowd: Sendable, CustomTestStringConvertible {
        let speaking: Protocol
        let connections: Int
        let streams: Int
        var testDescription: String { "\(speaking) \(connections) x \(streams)" }

        static let all = [
            Crowd(speaking: .http1, connections: 100, streams: 1),
            Crowd(speaking: .http2, connections: 100, streams: 1),
            Crowd(speaking: .http2, connections: 10, streams: 10),
            Crowd(speaking: .http2, connections: 1, streams: 100),
        ]
    }

    @Test(arguments: Crowd.all)
    func othersAreServedAndAllHalvesEnd(_ crowd: Crowd) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let settings = "memory_limit: 128MiB\ntimeouts: {body: 20s}"
        try await withServer(settings: settings) { server, executor in
            let prompt = String(repeating: "0123456789abcde ", count: 2 << 16)
            let whole = try scratch.write(chat(stream: false, prompt: prompt, tokens: 1), to: "whole.json")
            let before = try await server.metrics().sum("freeinference_memory_used_bytes")
            let arguments = ["--connections", "\(crowd.connections)", "--streams", "\(crowd.streams)"]
            let halves = try await ChildProcess.start(
                Repository.python,
                [Repository.clients + "/half_bodies.py"] + server.target(secure: false) + arguments
                    + (crowd.speaking == .http2 ? ["--http2"] : []),
                in: scratch
            )
            do {
                let filled = try await Self.line(0, of: halves)
                // With one connection, less is expected: one connection may not fill the budget alone. The test waits,
                // because the server may still be reading what the clients have sent.
                let least = crowd.connections > 1 ? Double(80 << 20) : 0
                let used = try await eventually("a budget full of bodies") {
                    let used = try await server.metrics().sum("freeinference_memory_used_bytes")
                    return Double(used) > least ? used : nil
                }
                print("\(crowd.testDescription): \(filled), charged \(used >> 20) MiB")
                #expect(used <= 128 << 20)
                for length in [10, 30_000] {
                    let prompt = String(repeating: "x", count: length)
                    let short = try scratch.write(chat(stream: false, prompt: prompt, tokens: 1), to: "short.json")
                    for speaking in [Protocol.http1, .http2] { try await Self.noneFails(short, speaking, server) }
                }
                for speaking in [Protocol.http1, .http2] { try await Self.passes(whole, speaking, server) }
                let ended = try await Self.line(1, of: halves).ended
                print("\(crowd.testDescription): \(ended)")
                let counts = ["503", "408", "closed", "reset"].map { ended[$0].int ?? 0 }
                #expect(counts.reduce(0, +) == crowd.connections * crowd.streams, "\(ended)")
                _ = try await halves.ending(within: .seconds(60))
            } catch {
                try await halves.stop(within: .zero)
                throw Unmet("\(error)\n\(halves.output.prefix(2000))\n\(halves.errors)")
            }
            // All bodies have ended. The memory that is still charged is that of the workers' shared buffers.
            _ = try await eventually("an empty budget", within: .seconds(60)) {
                try await server.metrics().sum("freeinference_memory_used_bytes") < before + 4 << 20 ? true : nil
            }
            let metrics = try await server.metrics()
            #expect(metrics.sum("freeinference_bodies_waiting") == 0)
            try await expect(executor.counters()) { $0.running.int == 0 }
        }
    }

    /// Sends 200 short requests with a client that never retries; each must be answered with 200.
    private static func noneFails(_ body: String, _ speaking: Protocol, _ server: Server) async throws {
        let load = ["-n", "200", "-c", "4", "-m", speaking == .http1 ? "1" : "5", "-d", body]
        let options = ["-H", "content-type: application/json"] + (speaking == .http1 ? ["--h1"] : [])
        let url = server.clear + "/v1/chat/completions"
        let seen = try await run("h2load", load + options + [url], within: .seconds(60))
        #expect(seen.output.contains("status codes: 200 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(speaking) \(seen.output)")
    }

    /// Waits until a request with a complete body of 2 MiB is answered.
    ///
    /// That must happen before the server refuses the incomplete bodies as late. The client retries after a 503, as
    /// SDKs do.
    private static func passes(_ whole: String, _ speaking: Protocol, _ server: Server) async throws {
        let what = "an answer to a whole body, \(speaking)"
        try await eventually(what, within: .seconds(15), every: .seconds(1)) {
            let answer = try await server.upload(whole, speaking)
            if answer.status == 200 { return true }
            expect(answer) { $0.status == 503 && $0["retry-after"] == "1" }
            print("a whole body, \(speaking): 503")
            return nil
        }
    }

    /// Waits for a line, by its index, of the report that the clients with incomplete bodies print.
    private static func line(_ index: Int, of halves: ChildProcess) async throws -> JSON {
        try await eventually("line \(index) of the halves", within: .seconds(120)) {
            let lines = halves.output.split(separator: "\n")
            if lines.count > index { return try JSON(parsing: String(lines[index])) }
            guard halves.isRunning else { throw Unmet("the halves ended") }
            return nil
        }
    }
}
