import Testing

/// `freeinference bench trace` against the server and simulated executors with prefix caches.
@Suite struct BenchTraceTests {
    private static let cache = ["--cache-tokens", "100000", "--prefill-rate", "1000000", "--pace", "0"]
    private static let lengths = [600, 1100, 1024, 30, 700, 1536, 512, 2000, 1025, 900]

    /// Ten requests within 90 ms, whose prompts all begin with the same block.
    private static let trace = lengths.enumerated().map { index, tokens in
        let blocks = (0..<(tokens + 511) / 512).map { $0 == 0 ? "0" : "\(index * 10 + $0)" }.joined(separator: ", ")
        return "{\"timestamp\": \(index * 10), \"input_length\": \(tokens), \"output_length\": \(index), "
            + "\"hash_ids\": [\(blocks)]}\n"
    }.joined()

    /// Writes the trace into a file, and removes the file afterwards.
    private func withTrace(_ text: String = Self.trace, _ body: (String) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await body(try scratch.write(text, to: "trace.jsonl"))
    }

    private func bench(_ url: String, _ file: String, _ more: String...) async throws -> Completed {
        try await run(Repository.binary, ["bench", "trace", "--url", url, "--file", file] + more)
    }

    private func figures(_ completed: Completed) throws -> JSON {
        try #require(!completed.output.isEmpty, "\(completed)")
        return try JSON(parsing: completed.output)
    }

    /// The sums of the executors' own counters: tokens that were looked up in the prefix caches, and tokens found.
    private func counted(_ executors: [Executor]) async throws -> (queries: Int, hits: Int) {
        var sum = (queries: 0, hits: 0)
        for executor in executors {
            let counters = try await executor.counters()
            sum.queries += try #require(counters.prefix_cache_queries.int)
            sum.hits += try #require(counters.prefix_cache_hits.int)
        }
        return sum
    }

    private func withTwoExecutors(_ body: (Server, [Executor]) async throws -> Void) async throws {
        try await withExecutor(Self.cache) { one in
            try await withExecutor(Self.cache) { other in
                let configuration = Configuration(executors: [one.url, other.url])
                try await withServer(configuration) { try await body($0, [one, other]) }
            }
        }
    }

    @Test func theFiguresAreThoseOfTheExecutors() async throws {
        let tokens = Self.lengths.reduce(0, +)
        try await withTrace { file in
            try await withTwoExecutors { server, executors in
                let urls = executors.map(\.url).joined(separator: ",")
                for _ in 0..<2 {
                    let before = try await counted(executors)
                    let made = try await bench(server.clear, file, "--executors", urls, "--speed", "3", "--json")
                    let seen = try figures(made)
                    let after = try await counted(executors)
                    #expect(made.succeeded && seen.requests.int == 10 && seen.answered.int == 10, "\(seen)")
                    #expect(seen.broken.int == 0 && seen.refused.int == 0 && seen.left.int == 0, "\(seen)")
                    #expect(seen.prompt_tokens.int == tokens && seen.queries.int == tokens, "\(seen)")
                    #expect(after.queries - before.queries == tokens)
                    #expect(seen.hits.int == after.hits - before.hits, "\(before) \(after) \(seen)")
                    #expect(seen.first_token_ms.count.int == 10 && seen.late_ms.count.int == 10, "\(seen)")
                    let shares = seen.executors.array.compactMap { $0.share.double }
                    #expect(shares.count == 2 && abs(shares.reduce(0, +) - 1) < 0.001, "\(seen)")
                }
                let unknown = try await bench(server.clear, file, "--model", "other", "--json")
                let refused = try figures(unknown)
                #expect(unknown.status == .exited(1) && refused.refused_by_status["404"].int == 10, "\(refused)")
                #expect(refused.answered.int == 0 && refused.hit_ratio.isNull, "\(refused)")
            }
        }
    }

    /// The last line of the output is a command that repeats the run with the same prompts.
    ///
    /// So the repeated run finds all whole blocks of 16 tokens in the cache. A run with another seed finds none.
    @Test func theLastLineRepeatsTheRun() async throws {
        try await withExecutor(Self.cache) { executor in
            try await withTrace { file in
                let first = try await bench(executor.url, file, "--http1", "--executors", executor.url)
                try #require(first.succeeded, "\(first)")
                let command = try #require(first.output.split(separator: "\n").last)
                try #require(command.hasPrefix("freeinference bench trace --url \(executor.url) "), "\(command)")
                let script = "exec \"$0\" \(command.dropFirst("freeinference".count)) --json"
                let again = try await run("sh", ["-c", script, Repository.binary])
                let seen = try figures(again)
                #expect(seen.hits.int == Self.lengths.reduce(0) { $0 + ($1 - 1) / 16 * 16 }, "\(seen)")
                #expect(seen.skew.double == 1 && seen.command.string == String(command), "\(seen)")

                let seed = try await run("sh", ["-c", script + " --seed 2 --limit 1", Repository.binary])
                let other = try figures(seed)
                #expect(other.hits.int == 0 && other.queries.int == 600, "\(other)")
            }
        }
    }

    /// Each request of the trace is sent at its time, although no earlier request has been answered.
    @Test func requestsDoNotWaitForEarlierOnes() async throws {
        try await withServer(executor: ["--fault", "no_answer"]) { server, _ in
            try await withTrace { file in
                let made = try await bench(server.clear, file, "--drain", "0", "--json")
                let seen = try figures(made)
                #expect(made.status == .exited(1), "\(made)")
                #expect(seen.requests.int == 10 && seen.left.int == 10 && seen.most_running.int == 10, "\(seen)")
                #expect(seen.answered.int == 0 && seen.broken.int == 0, "\(seen)")
            }
        }
    }

    @Test func mistakesAreNamed() async throws {
        try await withExecutor { executor in
            try await withTrace(Self.trace + "{\"timestamp\": 5}\n") { file in
                let wrong: [(arguments: [String], message: String)] = [
                    ([file], "\(file), line 11: input_length is missing"),
                    ([file, "--format", "azure"], "\(file), line 1: the header is not TIMESTAMP,"),
                    (["/nowhere"], "/nowhere: cannot be read: "),
                    ([file, "--scale", "0"], "--scale is above 0 and at most 1"),
                    ([file, "--speed=-1"], "--speed is between 0.001 and 1000"),
                ]
                for (arguments, message) in wrong {
                    let words = ["bench", "trace", "--url", executor.url, "--file"] + arguments
                    let refused = try await run(Repository.binary, words)
                    #expect(!refused.succeeded && refused.errors.contains(message), "\(arguments): \(refused)")
                }
            }
            try await withTrace { file in
                let silent = try await bench(executor.url, file, "--executors", executor.url)
                #expect(!silent.succeeded && silent.errors.contains("/metrics"), "\(silent)")
                let closed = "http://127.0.0.1:\(Port.free())"
                let refused = try await bench(closed, file)
                #expect(!refused.succeeded && refused.errors.contains("\(closed): "), "\(refused)")
            }
        }
    }
}
