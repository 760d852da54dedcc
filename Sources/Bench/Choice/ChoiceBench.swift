// `bench choice`: measures how long an executor pool takes to choose the executor for a prompt. The pool's placement
// map, which remembers what prompts each executor has received, is full.
internal import Inference
internal import Routing
package import Transport

/// Measures the time to hash a prompt whose request body has been scanned, and to choose an executor for the prompt.
///
/// Nothing is sent. Except with `Caches.warm`, the bench writes other memory before each choice, so that the
/// processor's caches contain nothing of the pool any more.
package struct ChoiceBench {
    /// The state of the processor's caches at the beginning of a measured choice of an executor.
    package enum Caches: String, CaseIterable, Sendable {
        /// The processor's caches contain the code and much of the pool's data, because the same pool made the previous
        /// choice.
        case warm
        /// Another pool has just made a choice, so the processor's caches contain the code; they contain no data of the
        /// measured pool.
        case cold
        /// The processor's caches contain neither the code nor the data of the measured pool.
        case empty
    }

    /// The pool, the prompts and the number of choices that a run measures.
    package struct Options {
        /// The number of executors of the pool, at least 1.
        package var executors = 10
        /// The size of each prompt, in bytes.
        package var promptBytes = 4096
        /// How many of the pool's choices of an executor are measured.
        package var rounds = 400
        /// How many prompts fill the placement map, in which the pool remembers where prompts were sent, before the
        /// measurement.
        ///
        /// The default is more than the map can remember.
        package var prompts = 40_000
        /// The state of the processor's caches at the beginning of each measured choice of an executor.
        package var caches = Caches.cold

        /// Makes the default options.
        package init() {}
    }

    /// The times of one run.
    package struct Result {
        /// The median times to hash the prompt and to choose the executor, in nanoseconds.
        package var hash: Nanoseconds, choice: Nanoseconds
        /// The time to hash and to choose together: its median and 99th percentile, in nanoseconds.
        package var median: Nanoseconds, p99: Nanoseconds
        /// The share of the choices, 0 to 1, that went to an executor which had received the beginning of the prompt
        /// before.
        package var held: Double

        /// The times in microseconds, and `held` in percent, as a line of text.
        package var text: String {
            let times = [("hash", hash), ("choice", choice), ("both", median), ("p99", p99)]
            let columns = times.map { "\($0) \(Text.fixed(Double($1) / 1000, digits: 2))" }
            return columns.joined(separator: "  ") + "  (\(Text.fixed(held * 100, digits: 0)) % to a holder)"
        }
    }

    /// How many different prompts the measured choices of an executor use, one after the other.
    ///
    /// Before the measurement, other prompts fill the placement map, in which the pool remembers where prompts were
    /// sent.
    private static let conversations = 64
    /// How many bytes are written to empty the processor's caches: more than a usual server's last-level cache has.
    private static let swept = 64 << 20

    private let options: Options
    private let hasher = PromptHasher()
    private let scanner = JSONScanner()
    private let pool: ExecutorPool
    /// The pool that is not measured, but chooses executors before each measured choice of `pool` (`Caches.cold`).
    ///
    /// The processor's caches then contain the code that both pools run, but no data of `pool`.
    private let otherPool: ExecutorPool

    /// Makes the pools; their executors have no requests to serve.
    package init(_ options: Options) {
        self.options = options
        (pool, otherPool) = (Self.pool(1, options.executors), Self.pool(2, options.executors))
    }

    private static func pool(_ id: Int, _ executors: Int) -> ExecutorPool {
        ExecutorPool(
            PoolEntry(id: id),
            members: (1...executors).map { number in
                let engine = Engine(id: number, name: "http://e\(number)", modelsShareCapacity: true)
                return PoolMember(Executor(id: number, engine: engine, model: "m"))
            },
            balance: .prefix
        )
    }

    /// Fills the placement map, in which the pool remembers where prompts were sent, and then measures how long the
    /// pool takes to choose executors.
    ///
    /// - Throws: `BenchError` if no executor can be chosen.
    package func run() throws -> Result {
        for number in 0..<options.prompts {
            _ = try choose(prefix(of: body(Self.conversations + number, bytes: 4096)), pool)
        }
        let bodies = (0..<Self.conversations).map { body($0, bytes: options.promptBytes) }
        // `otherPool` gets many different prompts. A pool ignores a beginning that more than half of its recent prompts
        // have (`PlacementMap`), and would then not choose an executor in the usual way.
        let others =
            options.caches == .cold ? (1...Self.conversations).map { body(-$0, bytes: options.promptBytes) } : []
        for other in others { _ = try choose(prefix(of: other), otherPool) }
        for body in bodies { _ = try choose(prefix(of: body), pool) }
        var sweep = [UInt8](repeating: 0, count: options.caches == .warm ? 0 : Self.swept)
        var (hashes, choices, sums, held) = ([Nanoseconds](), [Nanoseconds](), [Nanoseconds](), 0)
        for round in 0..<options.rounds {
            for index in stride(from: 0, to: sweep.count, by: 64) { sweep[index] &+= 1 }
            if options.caches == .cold {
                for next in 0..<3 { _ = try choose(prefix(of: others[(3 * round + next) % others.count]), otherPool) }
            }
            let body = bodies[round % bodies.count].0
            // The body is scanned first, as in the server. So it is in the processor's caches when an executor is
            // chosen.
            guard let scan = try? scanner.scanRequest(body) else { throw BenchError("a body is not valid") }
            let began = Clock.monotonicNow()
            let prefix = hasher.prefix(of: body, scan, salt: "", leavingOutBilling: false)
            let hashed = Clock.monotonicNow()
            let (reason, chosen) = try choose((prefix, scan.prompt.count), pool)
            if reason == .prefix { held += 1 }
            hashes.append(hashed - began)
            choices.append(chosen - hashed)
            sums.append(chosen - began)
        }
        return Result(
            hash: Self.percentile(50, of: hashes),
            choice: Self.percentile(50, of: choices),
            median: Self.percentile(50, of: sums),
            p99: Self.percentile(99, of: sums),
            held: Double(held) / Double(options.rounds)
        )
    }

    /// A chat request with a prompt of `bytes` bytes, and its scan; each `number` gives a different prompt.
    private func body(_ number: Int, bytes: Int) -> (RequestBody, RequestScan) {
        let numbers = SeededNumbers(seed: UInt64(bitPattern: Int64(number)))
        var text = ""
        var index: UInt64 = 0
        while text.utf8.count < bytes {
            text += String(numbers[index], radix: 36) + " "
            index += 1
        }
        let json = Array(#"{"model":"m","messages":[{"role":"user","content":"\#(text.prefix(bytes))"}]}"#.utf8)
        let body = RequestBody(expecting: json.count)
        body.append(json.span)
        guard let scan = try? scanner.scanRequest(body) else {
            preconditionFailure("the bench's own body is not valid")
        }
        return (body, scan)
    }

    private func prefix(of request: (body: RequestBody, scan: RequestScan)) -> (PromptPrefix, Int) {
        let prefix = hasher.prefix(of: request.body, request.scan, salt: "", leavingOutBilling: false)
        return (prefix, request.scan.prompt.count)
    }

    /// Lets the pool choose an executor for a prompt, and releases the executor at once.
    ///
    /// - Returns: why the pool has chosen this executor, and the monotonic time right after the choice.
    private func choose(
        _ prompt: (prefix: PromptPrefix, bytes: Int),
        _ pool: ExecutorPool
    ) throws -> (reason: PlacementReason, at: Nanoseconds) {
        var request = RoutingRequest(promptBytes: prompt.bytes)
        request.prefix = prompt.prefix
        guard case .executor(let executor, let placement) = pool.choose(request, at: 1) else {
            throw BenchError("no executor could be chosen")
        }
        let chosen = Clock.monotonicNow()
        executor.promptDone(bytes: placement.missingBytes)
        pool.release(executor, began: 1, at: 1)
        return (placement.reason, chosen)
    }

    private static func percentile(_ percent: Int, of times: [Nanoseconds]) -> Nanoseconds {
        let sorted = times.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }
}
