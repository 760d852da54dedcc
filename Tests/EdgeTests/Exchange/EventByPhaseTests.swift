import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Drives each cell of the table "Event by phase" in docs/life-of-an-exchange.md through a real exchange.
@Suite struct EventByPhaseTests {
    private typealias Phase = ExchangeMachine.Phase
    private static let phases: [Phase] = [.body, .queued, .attempt, .waiting, .waitingInQueue, .relay, .finishing]
    private static let failure = Failure(.executorBrokeOff)

    /// For each row of the documented table: the beginning of the row's text, and the event that it is about.
    private static let events: [(row: String, event: ExchangeMachine.Event)] = [
        ("routed", .routed),
        ("queued", .queued),
        ("refused(f)", .refused(Failure(.memory))),
        ("answer ready", .answerReady),
        ("the whole answer was relayed", .complete),
        ("executor broke off(f)", .executorBroke(failure)),
        ("client left", .clientLeft),
        ("client cut(f)", .clientCut(.clientViolation("HTTP/2: too many resets of streams"))),
        ("client has the whole response", .responseTaken),
        ("deadline `body`", .deadlinePassed(.body)),
        ("deadline `response`", .deadlinePassed(.response)),
        ("deadline `commit`", .deadlinePassed(.commit)),
        ("deadline `keep_alive`", .deadlinePassed(.keepAlive)),
        ("deadline `stall`", .deadlinePassed(.stall)),
        ("deadline `client_stall`", .deadlinePassed(.clientStall)),
        ("drain expired", .drainExpired),
    ]

    @Test(arguments: Self.phases.indices) func eachEventDoesWhatTheTableSays(column: Int) throws {
        let table = try DocumentedTable("| event | body |")
        let phase = Self.phases[column]
        for (row, event) in Self.events {
            let cells = table.rows.filter { $0[0].hasPrefix(row) }
            try #require(cells.count == 1 && cells[0].count == Self.phases.count + 1, "\(row)")
            let expected = Expectation(cells[0][column + 1], phase)
            let scene = try Scene(phase, for: event)
            #expect(scene.exchange.phase == phase, "\(row)")
            let before = scene.facts
            scene.let(event)
            var effects = scene.facts.subtracting(before)
            var next = scene.exchange.phase
            if expected.next == .finishing, next == .ended, phase != .finishing {
                // The test's client reads the whole response in the same turn of the event loop, so the exchange
                // has already left `finishing` and has ended.
                effects.remove("end")
                next = .finishing
            }
            #expect(effects == expected.effects, "\(event) in \(phase): \(effects.sorted())")
            #expect(next == expected.next, "\(event) in \(phase)")
        }
    }

    @Test func everyRowIsDriven() throws {
        let table = try DocumentedTable("| event | body |")
        for row in table.rows { #expect(Self.events.contains { row[0].hasPrefix($0.row) }, "\(row[0])") }
    }
}

/// What a cell of the documented table says: the effects of an event in a phase, and the next phase.
private struct Expectation {
    var effects: Set<String> = []
    var next: ExchangeMachine.Phase

    init(_ cell: String, _ phase: ExchangeMachine.Phase) {
        next = phase
        let parts = cell.components(separatedBy: "->")
        if parts.count == 2 {
            let name = parts[1].trimmingCharacters(in: .whitespaces)
            next = ExchangeMachine.Phase.allCases.first { "\($0)" == name } ?? .ended
        }
        let actions = parts[0].prefix { $0 != ":" }.split(separator: ",")
        for word in actions.map({ $0.trimmingCharacters(in: .whitespaces) }) {
            switch word {
            case "": break
            case "commit with 200": effects.insert("commit")
            case let word where word.hasPrefix("end"):
                effects.insert("end")
                next = .ended
            case let word where word.hasPrefix("fail"): fail(phase)
            default: effects.insert(word)
            }
        }
    }

    /// The expectation for a cell that says **fail**: the documentation has another table of what happens in each
    /// phase.
    private mutating func fail(_ phase: ExchangeMachine.Phase) {
        switch phase {
        case .body: effects = ["answer"]
        case .queued: effects = ["stop waiting", "answer"]
        case .attempt: effects = ["abort attempt", "answer"]
        case .waitingInQueue: effects = ["stop waiting", "error event", "cut client", "end"]
        case .waiting, .relay: effects = ["abort attempt", "error event", "cut client", "end"]
        case .finishing, .ended: return
        }
        next = phase == .body || phase == .queued || phase == .attempt ? .finishing : .ended
    }
}

/// An exchange in a given phase, and the effects that client and executors can observe.
private final class Scene {
    let environment: TestEnvironment
    let client: TestClient
    let exchange: Exchange
    /// Another client, whose running request keeps the second executor full; nil if the executor shall be free.
    private let other: TestClient?
    private let body = chat()

    init(_ phase: ExchangeMachine.Phase, for event: ExchangeMachine.Event) throws {
        environment = TestEnvironment(
            try testSnapshot(
                models: """
                    - {id: m, balance: round-robin, executors: [{url: 'http://first:1', max_running: 1}, \
                    {url: 'http://second:1', max_running: 1}]}
                    - {id: small, executors: [{url: 'http://second:1', max_running: 1}]}
                    """,
                settings: "commit_after: 8100ms\nkeep_alive: 60s"
            )
        )
        // The exchange waits in the queue because its only remaining executor is full.
        let isFull = event == .queued || phase == .queued || phase == .waitingInQueue
        other = isFull ? try TestClient(environment) : nil
        other?.ask(chat(model: "small"))
        client = try TestClient(environment)
        let model = phase == .queued || event == .queued && phase == .body ? "small" : "m"
        let body = chat(model: model)
        if phase == .body {
            client.begin(String(body.dropLast()), length: body.utf8.count)
        } else {
            client.ask(body)
        }
        exchange = client.exchange
        try bring(to: phase)
        client.peer.poll()
        _ = facts
        commentsBefore = comments
    }

    deinit { environment.forget() }

    private func bring(to phase: ExchangeMachine.Phase) throws {
        switch phase {
        case .body, .queued, .attempt, .ended: break
        case .waiting: client.pass(8_200_000_000)
        case .waitingInQueue:
            client.pass(8_200_000_000)
            own?.fail(.connectTimeout)
        case .relay:
            own?.answer()
            own?.say(Said.token)
            client.settle()
        case .finishing:
            own?.answer()
            own?.say(Said.token)
            client.settle()
            // The loop is not turned after this. So the end is not sent to the client yet, and the exchange stays in
            // `finishing`.
            own?.say(Said.done)
        }
    }

    /// The executor of the exchange's current attempt.
    private var own: PlayedExecutor? {
        environment.executors.last { $0.handler != nil && ($0.handler as? Attempt) === exchange.attempt }
    }

    /// Makes the event happen: calls `exchange.handle`, or lets the client or an executor do what causes the event.
    func `let`(_ event: ExchangeMachine.Event) {
        switch (event, exchange.phase) {
        case (.routed, .body), (.queued, .body):
            client.peer.send("}")
        case (.routed, .attempt), (.routed, .waiting): own?.fail(.connectTimeout)
        case (.queued, .attempt), (.queued, .waiting): own?.fail(.connectTimeout)
        case (.routed, .queued), (.routed, .waitingInQueue): environment.executors.first?.fail(.connectTimeout)
        case (.answerReady, .attempt), (.answerReady, .waiting):
            own?.answer()
            own?.say(Said.token)
        case (.clientLeft, .finishing):
            exchange.clientLeft(.closed)
            return
        case (_, .finishing):
            // The loop is not turned here, because a turn would flush the end to the client.
            exchange.handle(event)
            if exchange.phase != .ended { return }
        default: exchange.handle(event)
        }
        for _ in 0..<3 { client.settle() }
    }

    /// The effects so far, as client and executors can observe them.
    var facts: Set<String> {
        var facts: Set<String> = []
        let attempts = environment.executors.filter { $0.target.executor.name.contains("http") }
        let mine = attempts.filter { $0 !== otherExecutor }
        if started != mine.count { facts.insert("start attempt") }
        if let attempt = exchange.attempt, attempt.phase == .over, attempt.failure == nil, wasCancelled(attempt) {
            facts.insert("abort attempt")
        }
        if exchange.selection?.wait.isUnderWay == false, exchange.selection?.wait.began ?? 0 > 0,
            exchange.phase == .finishing || exchange.phase == .ended
        {
            facts.insert("stop waiting")
        }
        let text = client.peer.text
        if text.hasPrefix("HTTP/1.1 200") { facts.insert("commit") }
        if let status = Int(text.dropFirst(9).prefix(3)), status >= 400 { facts.insert("answer") }
        if exchange.record.status >= 400 { facts.insert("answer") }
        comments = text.components(separatedBy: ": keep-alive").count - 1
        if comments > commentsBefore { facts.insert("comment") }
        if text.contains(#""finish_reason":"error""#) { facts.insert("error event") }
        if exchange.stream.isFinished, exchange.record.status == 200 { facts.insert("finish") }
        if !environment.finished.filter({ $0.id == exchange.record.id }).isEmpty { facts.insert("end") }
        // The connection would still be open if the response had ended without an error.
        if exchange.record.status == 200, client.peer.end != nil { facts.insert("cut client") }
        return facts
    }
    private var comments = 0
    private var commentsBefore = 0
    private lazy var started = environment.executors.filter { $0 !== otherExecutor }.count
    private var otherExecutor: PlayedExecutor? { other == nil ? nil : environment.executors.first }
    private func wasCancelled(_ attempt: Attempt) -> Bool {
        environment.executors.contains { $0.isCancelled && $0.target === attempt.target }
    }
}
