// `bench choice`: how long a pool with a full placement map takes to choose the executor of a prompt.
internal import Inference
internal import Routing
package import Transport

/// The time from a scanned body to the chosen executor: the hashes of the prompt, the look-ups and the decision.
///
/// Nothing is sent anywhere. Before each choice, other memory is written until the caches of the processor hold
/// nothing of the pool any more, unless they are to be warm.
package struct ChoiceBench {
    /// What the caches of the processor hold when an executor is chosen.
    package enum Caches: String, CaseIterable, Sendable {
        /// Whatever the choice before has left there, of which much is needed again.
        case warm
        /// The code, since another pool has just chosen; nothing of this pool.
        case cold
        /// Neither the code nor the pool.
        case empty
    }

    /// The pool, the prompts and the number of choices that a run measures.
    package struct Options {
        /// The number of executors of the pool, at least 1.
        package var executors = 10
        /// The size of each prompt, in bytes.
        package var promptBytes = 4096
        /// The number of choices.
        package var rounds = 400
        /// How many prompts fill the map before; the default is more than it remembers.
        package var prompts = 40_000
        /// What the processor's caches hold when an executor is chosen.
        package var caches = Caches.cold

        /// Makes the default options.
        package init() {}
    }

    /// The times of one run.
    package struct Result {
        /// The time to hash the prompt, in nanoseconds, and the time to choose; medians.
        package var hash: Nanoseconds, choice: Nanoseconds
        /// The sum of both: median and 99th percentile, in nanoseconds.
        package var median: Nanoseconds, p99: Nanoseconds
        /// The part of the choices that went to a holder of the prompt, 0 to 1.
        package var held: Double
    }

    /// The number of conversations whose next turns are measured; others fill the map.
    private static let conversations = 64
    /// More than the last cache of a usual server.
    private static let swept = 64 << 20

    private let options: Options
    private let hasher = PromptHasher()
    private let scanner = JSONScanner()
    private let pool: ExecutorPool
    /// The pool that chooses before, so that the code is in the caches.
    private let otherPool: ExecutorPool

    /// Makes pools of executors that have nothing to do.
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

    /// Fills the map, and measures.
    ///
    /// - Throws: `BenchError` if no executor can be chosen.
    package func run() throws -> Result {
        for number in 0..<options.prompts {
            _ = try choose(prefix(of: body(Self.conversations + number, bytes: 4096)), pool)
        }
        let bodies = (0..<Self.conversations).map { body($0, bytes: options.promptBytes) }
        let other = body(-1, bytes: options.promptBytes)
        for body in bodies { _ = try choose(prefix(of: body), pool) }
        var sweep = [UInt8](repeating: 0, count: options.caches == .warm ? 0 : Self.swept)
        var (hashes, choices, sums, held) = ([Nanoseconds](), [Nanoseconds](), [Nanoseconds](), 0)
        for round in 0..<options.rounds {
            for index in stride(from: 0, to: sweep.count, by: 64) { sweep[index] &+= 1 }
            if options.caches == .cold { for _ in 0..<3 { _ = try choose(prefix(of: other), otherPool) } }
            let body = bodies[round % bodies.count].0
            // The scan of a request comes right before its choice, so its body is in the caches.
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

    /// A chat of this size that no other number has, and its scan.
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

    /// Chooses an executor, whose attempt is over at once; returns the reason, and when the executor was chosen.
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
