// For tests of attempts: an attempt whose executor the test plays, and an owner (in the server it is the exchange) that
// records what the attempt reports to it.
import HTTP
import Inference
import LoopTesting
import Routing
import Transport

@testable import Edge

/// Records the reports of an attempt as text.
final class HearingOwner: AttemptOwner {
    var heard: [String] = []
    /// The failure that ended the attempt while its response was relayed; nil for none.
    var brokeOff: Failure?
    /// A closure that is called with the text of each report, for tests that react to a report at once.
    var reaction: (String, Attempt) -> Void = { _, _ in }

    private func hear(_ what: String, _ attempt: Attempt) {
        heard.append(what)
        reaction(what, attempt)
    }
    func attempt(_ attempt: Attempt, answersWith kind: AttemptAnswer.Kind) { hear("head \(kind)", attempt) }
    func attemptIsReady(_ attempt: Attempt) { hear("ready", attempt) }
    func attempt(_ attempt: Attempt, relays bytes: Span<UInt8>) {
        var copy: [UInt8] = []
        for index in bytes.indices { copy.append(bytes[index]) }
        hear(String(decoding: copy, as: UTF8.self), attempt)
    }
    func attempt(_ attempt: Attempt, relays document: SharedBytes) {
        hear(String(decoding: document.bytes, as: UTF8.self), attempt)
    }
    func attempt(_ attempt: Attempt, ended end: Attempt.End) {
        switch end {
        case .whole: hear("whole", attempt)
        case .brokeOff(let failure):
            brokeOff = failure
            hear("broke \(failure.label)", attempt)
        }
    }
    func attempt(_ attempt: Attempt, failed failure: Failure) { hear("failed \(failure.label)", attempt) }
}

/// An attempt at an executor that the test plays: the test sends the bytes of the executor's response.
final class PlayedAttempt {
    let environment: TestEnvironment
    let owner = HearingOwner()
    let attempt: Attempt
    private let ownsEnvironment: Bool

    /// - Parameters:
    ///   - body: The body of the request, which must fit `dialect`.
    ///   - environment: The environment of an earlier attempt that has ended; nil makes a new one.
    init(
        _ dialect: Dialect = .openAIChat,
        choices: Int = 1,
        body: String = chat(),
        in environment: TestEnvironment? = nil
    ) throws {
        ownsEnvironment = environment == nil
        let own =
            try environment
            ?? TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}"))
        self.environment = own
        let pool = own.snapshot.pool(of: "m")
        guard case .executor(let chosen, let placement) = pool.choose(RoutingRequest(), at: own.loop.now) else {
            throw DocumentedTable.Problem(text: "no executor")
        }
        attempt = testAttempt(
            ExecutorLease(executor: chosen, placement: placement, pool: pool, began: 0),
            in: own,
            owner: owner,
            dialect: dialect,
            choices: choices
        )
        attempt.start(try testRequest(own, body, dialect: dialect), requestID: "r")
        owner.reaction = { what, attempt in if what.hasPrefix("whole") { attempt.drain() } }
    }

    deinit {
        owner.reaction = { _, _ in }
        attempt.cancel()
        if ownsEnvironment { environment.forget() }
    }

    var played: PlayedExecutor { environment.executors[environment.executors.count - 1] }

    /// Lets the executor send the head of a response and its bytes, and end the response cleanly or by a failure.
    func answers(
        _ text: String,
        type: String? = "text/event-stream",
        _ fields: [(String, String)] = [],
        closesInOrder: Bool = true,
        body: ResponseBody = .chunked
    ) {
        // During these calls, the attempt may send its request again. Then `self.played` becomes another executor.
        let played = played
        played.answer(type: type, fields, body: body)
        if !text.isEmpty { played.say(text) }
        if closesInOrder { played.end() } else { played.fail() }
    }

    /// The last report of the attempt, which tells how it ended.
    var end: String { owner.heard.last ?? "nothing" }
    /// The bytes that were relayed to the client.
    var relayed: String {
        owner.heard.filter { text in
            !["head", "ready", "whole", "broke", "failed"].contains { text.hasPrefix($0) }
        }
        .joined()
    }
    /// Whether the client has a response that it accepts as complete.
    var isComplete: Bool { end == "whole" }
}
