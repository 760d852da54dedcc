// Request bodies for which there is no memory wait: flow control stops the clients. They continue when memory becomes
// free, and are refused if it does not.
import HTTP
import Inference
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct ExchangeBodyWaitTests {
    /// A body in the queue of bodies that wait for memory; it stands for the body of another client.
    private static let other = BodyQueue.Asker(
        id: ExchangeID(processStart: 9, number: 9),
        missing: 0,
        lacking: 1,
        bytesPerSecond: 0,
        waited: 0,
        fitsConnection: true
    )
    private static let body = chat().replacing("hello", with: String(repeating: "x", count: 600_000))
    private static let milliseconds: Nanoseconds = 1_000_000

    private func environment(_ settings: String = "") throws -> TestEnvironment {
        let models = "- {id: m, executors: [{url: 'http://one:1'}]}"
        return TestEnvironment(try testSnapshot(models: models, settings: settings))
    }

    /// Uses up the part of the memory budget that bodies may use, as if many connections sent bodies.
    private func fill(_ environment: TestEnvironment) -> [MemoryAccount] {
        (0..<800).map { _ in
            let account = MemoryAccount(source: environment.budget)
            while account.chargeBody(32 << 10) || account.chargeBody(1 << 10) {}
            return account
        }
    }

    /// Lets time pass while another body alone may exceed the part of the memory budget that bodies may use (the turn).
    private func passWithoutTurn(_ client: TestClient, _ duration: Nanoseconds) {
        for _ in 0..<(duration / (100 * Self.milliseconds)) {
            takeTurn(client.environment)
            client.pass(100 * Self.milliseconds)
        }
    }
    private func takeTurn(_ environment: TestEnvironment) {
        let now = environment.loop.now
        _ = environment.bodyQueue.withLock { $0.ask(Self.other, isFull: true, at: now) }
    }
    private func giveTurnBack(_ environment: TestEnvironment) {
        environment.bodyQueue.withLock { $0.leave(Self.other.id) }
    }

    private func send(_ client: TestClient, _ text: String = Self.body) {
        var rest = Array(text.utf8)[...]
        for _ in 0..<200 where !rest.isEmpty {
            rest = rest.dropFirst(client.peer.send(Array(rest.prefix(64 << 10))))
            client.settle()
        }
    }
    private func begin(_ client: TestClient) { client.begin("", length: Self.body.utf8.count) }
    private func isHeld(_ client: TestClient) -> Bool { client.exchange.request?.wait?.isHeld == true }
    private func waiting(_ environment: TestEnvironment) -> Int { environment.bodyQueue.withLock { $0.count } }

    @Test func aBodyThatFindsRoomDoesNotWait() throws {
        let client = try TestClient(environment())
        begin(client)
        send(client)
        #expect(client.executors.count == 1 && client.environment.bodyQueue.withLock { $0.waits } == 0)
    }

    /// One body at a time may exceed the memory for bodies, which other connections have used up, and arrives
    /// completely.
    @Test func theBodyThatHasTheTurnIsReceivedWhole() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        begin(client)
        send(client)
        #expect(client.executors.count == 1 && client.environment.bodyQueue.withLock { $0.waits } > 0)
        #expect(client.executors[0].body.contains(String(repeating: "x", count: 600_000)))
        // The body has arrived, so another body may exceed the memory for bodies (it gets the turn).
        takeTurn(client.environment)
        #expect(waiting(client.environment) == 1)
        withExtendedLifetime(others) {}
    }

    // MARK: Short requests

    /// Whether an executor has received the whole body; the edge has added a request for usage at its beginning.
    private func isWhole(_ body: String, _ client: TestClient) -> Bool {
        client.executors.first?.body.hasSuffix(body.dropFirst()) == true
    }

    /// Short requests do not wait when other clients have used up the memory for bodies.
    ///
    /// They do not wait even while another client's body alone may exceed this memory (the turn).
    @Test(arguments: [0, 4000, 40_000]) func aShortRequestDoesNotWait(_ more: Int) throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        let body = chat().replacing("hello", with: String(repeating: "x", count: more))
        client.begin(body, length: body.utf8.count)
        #expect(isWhole(body, client), "\(client.received)")
        #expect(client.environment.bodyQueue.withLock { $0.waits } == 1, "only the other body has asked")
        client.leave()
        withExtendedLifetime(others) {}
    }

    /// A short body waits if the memory that is reserved for short bodies is used up; it is not refused at once.
    @Test func aShortBodyWaitsWhereSmallOnesHaveUsedUpTheirMemory() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        while others[799].chargeBody(1 << 10, for: .wholeBody) {}
        let body = chat().replacing("hello", with: String(repeating: "x", count: 40_000))
        client.begin(body, length: body.utf8.count)
        #expect(isHeld(client) && client.received.isEmpty && client.executors.isEmpty)
        giveTurnBack(client.environment)
        client.pass(200 * Self.milliseconds)
        #expect(isWhole(body, client), "\(client.received)")
        client.leave()
        withExtendedLifetime(others) {}
    }

    /// A small body without a content-length waits until its end arrives, because only the end shows that it is small.
    @Test func aShortBodyWithoutALengthGoesOnAtItsEnd() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        let body = chat().replacing("hello", with: String(repeating: "x", count: 20_000))
        client.peer.send(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
                + "transfer-encoding: chunked\r\n\r\n\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n"
        )
        client.settle()
        #expect(isHeld(client))
        client.peer.send("0\r\n\r\n")
        client.settle()
        #expect(isWhole(body, client), "\(client.received)")
        client.leave()
        withExtendedLifetime(others) {}
    }

    // MARK: Waiting

    @Test func aBodyThatWaitsGoesOnWhenThereIsRoom() throws {
        let client = try TestClient(environment("timeouts: {body: 1s}"))
        let others = fill(client.environment)
        takeTurn(client.environment)
        begin(client)
        send(client)
        #expect(isHeld(client) && client.executors.isEmpty)
        passWithoutTurn(client, 5 * second)
        #expect(isHeld(client) && client.received.isEmpty, "it is not late, since it is held back")
        for account in others { account.close() }
        client.pass(200 * Self.milliseconds)
        send(client, "")
        #expect(client.executors.count == 1, "\(client.received)")
        #expect(client.executors[0].body.contains(String(repeating: "x", count: 600_000)))
        #expect(client.exchange.stream.connection.account.held < 128 << 10, "what was held back is not charged twice")
    }

    @Test func aBodyThatWaitsTakesTheTurnWhenItIsFree() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        begin(client)
        send(client)
        #expect(isHeld(client))
        giveTurnBack(client.environment)
        client.pass(200 * Self.milliseconds)
        #expect(client.executors.count == 1, "\(client.received)")
        withExtendedLifetime(others) {}
    }

    @Test func whoHasWaitedTooLongIsRefused() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        begin(client)
        send(client)
        passWithoutTurn(client, 9800 * Self.milliseconds)
        #expect(isHeld(client) && client.received.isEmpty)
        passWithoutTurn(client, 400 * Self.milliseconds)
        #expect(client.status == 503 && client.received.contains("retry-after: 1\r\n"))
        let line = String(decoding: try #require(client.finished).logLine, as: UTF8.self)
        #expect(line.contains(#""end":"memory""#) && line.contains("the body waited for memory for too long"))
        #expect(client.exchange.stream.connection.account.bodies == 0 && waiting(client.environment) == 1)
        #expect(client.environment.bodyQueue.withLock { $0.refusedAfterWait } == 1)
        withExtendedLifetime(others) {}
    }

    /// The time in which the server held the body back does not count for `limits.body_pace`.
    @Test func waitingIsNotSlowness() throws {
        let client = try TestClient(environment("timeouts: {body: 60s}\nlimits: {body_pace: 1GiB}"))
        let others = fill(client.environment)
        takeTurn(client.environment)
        client.begin(String(Self.body.prefix(200_000)), length: 600_000)
        #expect(isHeld(client))
        passWithoutTurn(client, 9 * second)
        for account in others { account.close() }
        client.pass(29 * second)
        #expect(!isHeld(client) && client.received.isEmpty)
        client.pass(2 * second)
        #expect(client.status == 408)
    }

    @Test func whoLeavesWaitsNoLonger() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        let before = client.environment.budget.used
        takeTurn(client.environment)
        begin(client)
        send(client)
        #expect(isHeld(client) && waiting(client.environment) == 2)
        client.leave()
        #expect(client.finished?.end == .clientLeft && waiting(client.environment) == 1)
        #expect(client.environment.budget.used <= before)
        withExtendedLifetime(others) {}
    }

    @Test func aDrainThatEndsRefusesIt() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        begin(client)
        send(client)
        client.exchange.handle(.drainExpired)
        #expect(client.status == 503 && waiting(client.environment) == 1)
        client.pass(20 * second)
        #expect(client.finished?.end == .failed(Failure(.draining)))
        withExtendedLifetime(others) {}
    }

    /// The server holds back at most one flow-control window of a waiting body; with HTTP/1.1 it then stops reading.
    @Test func onlyAWindowIsHeldBack() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        client.begin("", length: 8 << 20)
        send(client, String(repeating: "x", count: 4 << 20))
        let held = try #require(client.exchange.request?.wait?.pieces.count)
        #expect(held >= 64 << 10 && held <= 128 << 10)
        #expect(client.exchange.stream.connection.account.held < 512 << 10)
        for account in others { account.close() }
        client.pass(200 * Self.milliseconds)
        #expect(!isHeld(client) && client.exchange.record.bytesIn > held, "reading goes on")
    }

    /// If the memory for the pieces of waiting bodies is used up, the body that has waited longest is refused.
    @Test func theLongestWaitEndsWhenMoreHaveToWait() throws {
        let environment = try environment()
        let others = fill(environment)
        takeTurn(environment)
        let first = try TestClient(environment)
        begin(first)
        send(first)
        passWithoutTurn(first, 500 * Self.milliseconds)
        let second = try TestClient(environment)
        begin(second)
        send(second)
        let (firstExchange, secondExchange) = (environment.exchanges[0], environment.exchanges[1])
        #expect(isHeld(second) && firstExchange.request?.wait?.isHeld == true)
        // All memory for the pieces of waiting bodies is used up.
        let more = (0..<200).map { _ in BodyWait(began: 0) }
        let piece = [UInt8](repeating: 1, count: 4096)
        for wait in more { while wait.pieces.count < 1 << 20, wait.hold(piece.span, in: environment.budget, at: 1) {} }
        passWithoutTurn(first, 600 * Self.milliseconds)
        let third = try TestClient(environment)
        begin(third)
        third.peer.send([UInt8](repeating: 1, count: 40_000))
        takeTurn(environment)
        third.peer.send([UInt8](repeating: 1, count: 40_000))
        third.settle()
        #expect(first.status == 503 && firstExchange.phase != .body)
        #expect(secondExchange.phase == .body, "it has waited for less than a second")
        #expect(environment.bodyQueue.withLock { $0.refusedAfterWait } == 1)
        for wait in more { wait.release(to: environment.budget, at: 1) }
        for client in [first, second, third] { client.leave() }
        withExtendedLifetime(others) {}
    }

    /// A waiting body asks for memory again before it is refused because no more of its pieces can be held back.
    @Test func aBodyThatWaitsTakesRoomWhereNoFurtherPieceCanBeKept() throws {
        let client = try TestClient(environment())
        let others = fill(client.environment)
        takeTurn(client.environment)
        begin(client)
        let body = Array(Self.body.utf8)
        client.peer.send(Array(body.prefix(20_000)))
        client.settle()
        #expect(isHeld(client))
        let more = (0..<200).map { _ in BodyWait(began: 0) }
        let piece = [UInt8](repeating: 1, count: 4096)
        let budget = client.environment.budget
        for wait in more { while wait.pieces.count < 1 << 20, wait.hold(piece.span, in: budget, at: 1) {} }
        for account in others[..<100] { account.close() }
        client.peer.send(Array(body[20_000..<60_000]))
        client.settle()
        #expect(!isHeld(client) && client.received.isEmpty, "\(client.received)")
        #expect(waiting(client.environment) == 1)
        for wait in more { wait.release(to: budget, at: 1) }
        for account in others { account.close() }
        send(client, String(Self.body.dropFirst(60_000)))
        #expect(client.executors.first?.body.contains(String(repeating: "x", count: 600_000)) == true)
    }

    // MARK: Slow bodies

    /// A body that has begun less than a second ago never counts as slow.
    @Test func aBodyThatHasOnlyBegunIsNotSlow() throws {
        let client = try TestClient(environment())
        client.begin(String(Self.body.prefix(100_000)), length: 600_000)
        client.pass(900 * Self.milliseconds)
        let order = SlowBodies(pace: 1 << 30, bytes: 1 << 30)
        #expect([client.exchange].refuse(order) == 0)
        client.pass(200 * Self.milliseconds)
        #expect([client.exchange].refuse(order) == 1)
        #expect(client.status == 503)
    }

    @Test func theSlowestIsRefusedFirst() throws {
        let environment = try environment()
        let slow = try TestClient(environment)
        slow.begin(String(Self.body.prefix(100_000)), length: 600_000)
        let slower = try TestClient(environment)
        slower.begin(String(Self.body.prefix(90_000)), length: 600_000)
        slower.pass(4 * second)
        let (slowExchange, slowerExchange) = (environment.exchanges[0], environment.exchanges[1])
        let others = fill(environment)
        let client = try TestClient(environment)
        takeTurn(environment)
        begin(client)
        send(client)
        #expect(isHeld(client))
        passWithoutTurn(client, 900 * Self.milliseconds)
        #expect(environment.finished.isEmpty)
        passWithoutTurn(client, 200 * Self.milliseconds)
        slow.settle()
        slower.settle()
        #expect(slower.status == 503 && slow.status == nil)
        #expect(slowerExchange.memory.body == 0 && slowExchange.phase == .body)
        #expect(environment.bodyQueue.withLock { $0.refusedAsSlow } == 1)
        slower.leave()
        let line = String(decoding: try #require(environment.finished.first).logLine, as: UTF8.self)
        #expect(line.contains(#""end":"memory""#) && line.contains("the body was slow"))
        slow.leave()
        client.leave()
        withExtendedLifetime(others) {}
    }

    // MARK: HTTP/2

    @Test func noWindowIsOpenedForABodyThatWaits() throws {
        let client = try TestClient(environment())
        let http2 = HTTP2Peer(client.peer)
        let others = fill(client.environment)
        takeTurn(client.environment)
        client.peer.send(HTTP2Preface.bytes)
        http2.send(Frame.settings)
        http2.send(Frame.settings, Frame.acknowledge)
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/v1/chat/completions"), (":authority", "x"),
            ("content-type", "application/json"), ("content-length", "\(Self.body.utf8.count)"),
        ]
        http2.send(Frame.headers, Frame.endHeaders, 1, fields.flatMap { literal($0.0, $0.1) })
        client.settle()
        let bytes = Array(Self.body.utf8)
        var sent = 0
        func send(upTo end: Int) {
            while sent < end {
                let next = min(sent + 16_000, end)
                http2.send(Frame.data, next == bytes.count ? Frame.endStream : 0, 1, Array(bytes[sent..<next]))
                sent = next
                client.settle()
            }
        }
        send(upTo: 250_000)
        #expect(isHeld(client))
        passWithoutTurn(client, second)
        #expect(http2.frames(of: 1).isEmpty && http2.frames(of: 0, Frame.windowUpdate).count <= 1)
        for account in others { account.close() }
        client.pass(200 * Self.milliseconds)
        #expect(!http2.frames(of: 1, Frame.windowUpdate).isEmpty)
        send(upTo: 500_000)
        send(upTo: bytes.count)
        #expect(client.executors.count == 1)
    }
}
