// Answers of executors, as the executor's side of the edge hears them.
import HTTP
import LoopTesting
import Transport

/// An executor that speaks HTTP/1.1, or anything at all.
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
        // Where nothing but the bytes came in, the first answer is heard the same however it is cut.
        guard events == 0, plan.cancelsBefore == nil, plan.ending == 0, findings.messages.isEmpty else { return }
        let story = scenario.attempts[0].story
        scenario.run(connectionSteps(bytes, cuts: .none, events: 0), plan, findings)
        let whole = scenario.attempts[0].story
        findings.expect(story == whole, "cut: \(shown(story)), whole: \(shown(whole))")
    }
}

/// What the edge does while the executor answers.
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
