import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

@Suite final class AttemptTests {
    private let environment: TestEnvironment
    private let owner = HearingOwner()
    private let attempt: Attempt
    private let executor: Executor

    init() throws {
        environment = TestEnvironment(try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}"))
        let pool = environment.snapshot.pool(of: "m")
        let request = RoutingRequest(promptBytes: 100)
        guard case .executor(let chosen, let placement) = pool.choose(request, at: environment.loop.now) else {
            throw DocumentedTable.Problem(text: "no executor")
        }
        executor = chosen
        attempt = testAttempt(
            ExecutorLease(executor: chosen, placement: placement, pool: pool, began: 0),
            in: environment,
            owner: owner
        )
        attempt.start(try testRequest(environment), requestID: "r")
    }

    deinit { environment.forget() }

    private var played: PlayedExecutor { environment.executors[0] }

    @Test func itsPlaceAtTheExecutorIsHeldUntilItIsOver() {
        #expect(executor.running == 1 && executor.waitingBytes == 100)
        played.answer()
        played.say(Said.token)
        #expect(executor.running == 1 && executor.waitingBytes == 0, "its prompt has been read")
        attempt.cancel()
        attempt.cancel()
        #expect(executor.running == 0 && played.isCancelled)
        #expect(owner.heard == ["head events", "ready", Said.token])
    }

    @Test func bytesOfTheExecutorAreHeardOf() {
        #expect(attempt.lastHeard == 0 && executor.engine.lastHeard == 0)
        played.answer()
        let first = environment.loop.now
        #expect(attempt.lastHeard == first && executor.engine.lastHeard == first)
        environment.test.pass(Engine.heardStep / 2)
        played.say(": a comment\n\n")
        #expect(attempt.lastHeard == environment.loop.now && executor.engine.lastHeard == first)
        environment.test.pass(Engine.heardStep)
        played.say(": half of a comment")
        #expect(attempt.lastHeard == environment.loop.now && executor.engine.lastHeard == environment.loop.now)
    }

    @Test func commentsBeforeTheFirstEventAreDropped() {
        played.answer()
        played.say(": a comment\n\n")
        played.say(": another\n\n" + Said.token + ": later\n\n")
        #expect(owner.heard == ["head events", "ready", Said.token, ": later\n\n"])
    }

    @Test func whatComesBehindAFailureReachesNobody() {
        played.answer()
        let handler = played.handler
        played.say(Said.error() + Said.token + Said.done)
        handler?.responseEnded()
        handler?.attemptFailed(.closedInResponse)
        #expect(owner.heard == ["head events", "failed executor_error"])
        #expect(attempt.phase == .over && attempt.failure?.status == 503 && executor.running == 0)
    }

    @Test func whatComesBehindACancelReachesNobody() {
        owner.reaction = { what, attempt in if what == Said.token { attempt.cancel() } }
        played.answer()
        played.say(Said.token + Said.token + Said.done)
        #expect(owner.heard == ["head events", "ready", Said.token])
    }

    @Test func whatComesBehindTheLastEventReachesNobody() {
        owner.reaction = { what, attempt in if what == "whole" { attempt.drain() } }
        played.answer()
        played.say(Said.token + Said.done + Said.token + Said.error())
        #expect(owner.heard == ["head events", "ready", Said.token, Said.done, "whole"])
        #expect(attempt.phase == .draining && executor.running == 1)
        played.end()
        #expect(attempt.phase == .over && executor.running == 0 && !played.isCancelled)
        #expect(environment.loop.timers.active == 0)
    }

    @Test(arguments: [
        ([Said.token], true, "broke executor_broke_off"), ([Said.token + Said.finish], true, "whole"),
        ([Said.token, Said.error()], true, "broke executor_error"),
        ([Said.token], false, "broke executor_broke_off"),
        ([Said.token, Said.error()], false, "broke executor_error"),
        ([Said.token, "{\"error\":\"no\"}\n\n"], true, "broke executor_error"),
        ([Said.token, "{\"error\":\"no\"}\n"], true, "broke executor_error"),
        ([Said.token, "data: {\"error\":\"no\"}\n"], true, "broke executor_error"),
    ]) func tellsHowAStreamEnded(says: [String], inOrder: Bool, told: String) {
        played.answer()
        for text in says { played.say(text) }
        if inOrder { played.end() } else { played.fail() }
        #expect(owner.heard.last == told && attempt.phase == .over && executor.running == 0)
    }

    @Test func tellsOfTheErrorBeforeTheLastEvent() {
        played.answer()
        played.say(Said.token + Said.error(400) + Said.done)
        #expect(owner.heard == ["head events", "ready", Said.token, "broke executor_error"] && attempt.phase == .over)
        #expect(owner.brokeOff?.status == 400 && owner.brokeOff?.side == .client && played.isCancelled)
    }

    // MARK: Responses with a status of 400 or above

    @Test func theBodyOfAFailureIsReadBeforeItIsTold() {
        played.answer(400, type: "application/json")
        played.say(#"{"error":{"message":"too "#)
        #expect(owner.heard == ["head failure"])
        played.say(#"long"}}"#)
        played.end()
        #expect(owner.heard == ["head failure", "failed executor_error"] && attempt.failure?.message == "too long")
        #expect(attempt.failure?.side == .client && environment.loop.timers.active == 0)
    }

    @Test func aFailureWhoseBodyDoesNotEndIsJudgedByWhatThereIs() {
        played.answer(400, type: "application/json")
        played.say(#"{"error":{"message":"too long"#)
        environment.test.clock.advance(by: Attempt.failureTime - 1)
        environment.loop.turn(waitMax: 0)
        #expect(attempt.phase == .waiting)
        environment.test.clock.advance(by: 1)
        environment.loop.turn(waitMax: 0)
        #expect(attempt.failure?.message == "too long" && attempt.failure?.status == 400)
        #expect(played.isCancelled && executor.running == 0)
    }

    @Test func aFailureThatIsLargeOrCutIsJudgedByItsBeginning() throws {
        played.answer(422, type: "application/json")
        played.say(#"{"detail":[{"msg":"bad","input":""# + String(repeating: "x", count: EngineError.bodyMax))
        #expect(attempt.failure?.message == "bad" && attempt.failure?.status == 422 && played.isCancelled)
    }

    @Test func aFailureThatIsCutOffKeepsItsStatus() {
        played.answer(503, type: "application/json")
        played.fail()
        #expect(attempt.failure?.status == 503 && attempt.failure?.kind == .executorError)
    }

    @Test func aCompressedFailureIsJudgedByItsStatus() {
        played.answer(400, type: "application/json", [("content-encoding", "gzip")])
        played.say("not text")
        played.end()
        #expect(attempt.failure?.status == 400 && attempt.failure?.message.contains("not text") == false)
    }

    @Test(arguments: [
        (200, "executor_broke_off", true), (401, "executor_error", true), (429, "executor_error", true),
        (500, "executor_error", true), (503, "executor_error", true),
    ]) func failsBeforeItsAnswerIsReady(status: Int, label: String, ends: Bool) {
        played.answer(status)
        if attempt.phase != .over { played.end() }
        #expect(owner.heard.last == "failed \(label)" && attempt.failure?.label == label)
        #expect(executor.running == 0)
    }

    @Test func aCompressedStreamIsAFault() {
        played.answer(200, [("content-encoding", "gzip")])
        #expect(owner.heard == ["failed executor_protocol"] && played.isCancelled)
    }

    @Test func aDocumentIsHandedOverWhole() {
        played.answer(type: "application/json")
        played.say(String(Said.document.prefix(10)))
        played.say(String(Said.document.dropFirst(10)))
        #expect(owner.heard == ["head document"] && attempt.heldBytes == Said.document.utf8.count)
        played.end()
        #expect(owner.heard == ["head document", "ready", Said.document, "whole"])
        #expect(attempt.answer.scan?.finishReason == "stop")
    }

    @Test func aLargeDocumentPassesAsItComes() {
        played.answer(type: "application/json")
        let piece = String(repeating: " ", count: Attempt.heldMax)
        played.say(piece)
        #expect(owner.heard == ["head document"])
        played.say("x")
        played.say("y")
        played.end()
        #expect(owner.heard == ["head document", "ready", piece + "x", "y", "whole"])
        #expect(attempt.answer.documentBytes == Attempt.heldMax + 2)
    }

    @Test func anAttemptThatIsGivenUpHasFailed() {
        attempt.giveUp(Failure(.firstEventTimeout))
        #expect(attempt.failure?.kind == .firstEventTimeout && played.isCancelled && executor.running == 0)
        #expect(owner.heard.isEmpty, "it was the owner who found out")
    }

    @Test func twoAttemptsOfOneOwnerAreToldApart() throws {
        let pool = environment.snapshot.pool(of: "m")
        guard case .executor(let chosen, let placement) = pool.choose(RoutingRequest(), at: environment.loop.now) else {
            return
        }
        let second = testAttempt(
            ExecutorLease(executor: chosen, placement: placement, pool: pool, began: 0),
            in: environment,
            owner: owner
        )
        second.start(try testRequest(environment), requestID: "r")
        var ready: [ObjectIdentifier] = []
        owner.reaction = { what, attempt in if what == "ready" { ready.append(ObjectIdentifier(attempt)) } }
        for executor in environment.executors.reversed() {
            executor.answer()
            executor.say(Said.token)
        }
        #expect(ready == [ObjectIdentifier(second), ObjectIdentifier(attempt)])
        #expect(executor.running == 2)
        second.cancel()
        environment.executors[0].say(Said.finish)
        #expect(owner.heard.last == Said.finish && executor.running == 1)
    }
}
