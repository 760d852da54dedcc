// Fuzzes what executors send to the edge, over HTTP/1.1 and HTTP/2.
import HTTP
import LoopTesting
import Transport

/// Fuzzes the edge with an executor that sends HTTP/1.1, or any other bytes.
final class HTTP1ExecutorTarget: FuzzTarget {
    static let name = "executor-http1"

    private let scenario = ExecutorScenario { loop, address in
        ExecutorClient(
            loop: loop,
            settings: ExecutorClientSettings(
                addresses: AddressBook(address),
                connectTimeout: 2 * second,
                idleTimeout: 4 * second
            )
        )
    }

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let form = input.choice()
        let detail = input.choice()
        let events = input.choice()
        let cuts = Cuts(input.choice())
        let bytes = input.rest
        let plan = executorPlan(form, detail)
        scenario.run(connectionSteps(bytes, cuts: cuts, events: events), plan, findings)
        // If only the executor's bytes arrive, and no timer, cancellation or close happens, the first response must not
        // depend on how the bytes are divided into reads.
        guard events == 0, plan.cancelsBefore == nil, plan.ending == 0, findings.messages.isEmpty else { return }
        let story = scenario.attempts[0].story
        scenario.run(connectionSteps(bytes, cuts: .none, events: 0), plan, findings)
        let whole = scenario.attempts[0].story
        findings.expect(story == whole, "cut: \(shown(story)), whole: \(shown(whole))")
    }
}

/// Fuzzes the edge with an executor that answers many requests at once with HTTP/2, or with any other bytes.
final class HTTP2ExecutorTarget: FuzzTarget {
    static let name = "executor-http2"

    private let scenario = ExecutorScenario { loop, address in
        var settings = ExecutorClientSettings(
            addresses: AddressBook(address),
            connectTimeout: 2 * second,
            idleTimeout: 4 * second
        )
        settings.version = .http2
        return ExecutorClient(loop: loop, settings: settings)
    }

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let form = input.choice()
        var plan = ExecutorScenario.Plan()
        plan.ending = form >> 2 & 3
        let many = input.choice()
        plan.method = many & 128 == 0 ? .post : .head
        plan.bodyBytes = [2, 0, 20_000, 300_000][Int(many >> 5 & 3)]
        var http2 = HTTP2Plan()
        http2.attempts = 1 + Int(many % 5)
        http2.reactions = SplitMix.first(of: input.choice())
        let choice = input.choice()
        begin(&http2, input.choice(), isRaw: form & 3 == 1)
        let bytes = input.rest
        let steps: [Step]
        if form & 3 < 2 {
            // The executor sends the fuzzer's bytes as they are. `begin` may have added SETTINGS in front of them.
            steps = connectionSteps(bytes, cuts: Cuts(choice), events: form >> 4).map(Self.event)
        } else {
            let isCut = form & 16 != 0
            var script = HTTP2Script(bytes, cuts: isCut ? Cuts(choice) : .none, side: .executor)
            steps = script.steps()
            // If frames are divided, two pieces of one frame may be sent on different connections. The responses cannot
            // be told apart by stream then.
            http2.isTelling = script.isTelling && !isCut
        }
        plan.http2 = http2
        scenario.run(steps, plan, findings)
        // The same input runs again without pauses. The results must be equal, because pausing a stream must neither
        // affect other streams nor lose anything of the paused one.
        guard findings.messages.isEmpty, Self.count(steps) < HTTP2Plan.windowBytes / 2 else { return }
        let stories = scenario.attempts.map(\.story)
        scenario.run(steps, plan, ignoresPauses: true, findings)
        let unpaused = scenario.attempts.map(\.story)
        findings.expect(stories.count == unpaused.count, "\(stories.count) attempts are \(unpaused.count)")
        for (story, other) in zip(stories, unpaused) {
            findings.expect(story == other, "paused: \(shown(story)), not: \(shown(other))")
        }
    }

    /// Chooses the bytes with which the executor begins each connection.
    private func begin(_ plan: inout HTTP2Plan, _ choice: UInt8, isRaw: Bool) {
        guard !isRaw else { return }
        // The executor's SETTINGS_MAX_CONCURRENT_STREAMS is 0 to 5, or not sent.
        let most = UInt32(choice & 7)
        let entry = [0, 3] + big(most)
        plan.greeting = HTTP2Script.frame(4, 0, 0, most > 5 ? [] : entry)
        if choice & 8 != 0 { plan.greeting += HTTP2Script.frame(4, 1, 0, []) }
        let head = literal(":status", "200") + literal("x-stream", "1")
        switch choice >> 4 & 7 {
        case 1: plan.answer = HTTP2Script.frame(1, 5, 1, head)
        case 2: plan.answer = HTTP2Script.frame(3, 0, 1, big(7))
        case 3: plan.answer = HTTP2Script.frame(7, 0, 0, big(0) + big(0))
        case 4: plan.answer = HTTP2Script.frame(7, 0, 0, big(1) + big(0))
        case 5: plan.answer = HTTP2Script.frame(8, 0, 0, big(1 << 20))
        case 6: plan.answer = HTTP2Script.frame(1, 4, 1, head)
        default: break
        }
        plan.closesSoon = choice & 128 != 0
    }

    /// Replaces a step that only a client can take by a similar event on a connection to an executor.
    private static func event(_ step: Step) -> Step {
        switch step {
        case .read(let reads): .event(ExecutorEvent(reads ? 3 : 2, 0))
        case .drain: .event(ExecutorEvent(1, 1))
        case .bytes, .pass, .shutdown, .event: step
        }
    }

    private static func count(_ steps: [Step]) -> Int {
        steps.reduce(0) { if case .bytes(let bytes) = $1 { $0 + bytes.count } else { $0 } }
    }
}

/// Chooses what the edge does while the executor responds: for example, it cancels or pauses the request.
func executorPlan(_ form: UInt8, _ detail: UInt8) -> ExecutorScenario.Plan {
    var plan = ExecutorScenario.Plan()
    plan.method = [.post, .get, .head, .post][Int(form & 3)]
    plan.ending = form >> 2 & 3
    if form & 16 != 0 { plan.bodyBytes = Int(detail) * 4000 }
    if form & 32 != 0 { plan.cancelsBefore = Int(detail & 31) }
    if form & 64 != 0 { plan.pauses = true }
    if form & 128 != 0 { plan.readLimit = 1 + Int(detail) }
    return plan
}
