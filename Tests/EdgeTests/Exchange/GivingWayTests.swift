import Foundation
import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

/// A full queue is shared between tenants: an exchange may have to leave it for an exchange of another tenant.
@Suite struct GivingWayTests {
    private let access = Authenticator(hash: hash, isRequired: true)

    private func environment(_ models: String) throws -> TestEnvironment {
        access.publish(["a", "b"].map { AccessKey(id: $0, hash: hash("fi-\($0)".utf8), tenant: $0) })
        return TestEnvironment(try testSnapshot(models: models, settings: "admission: {max_queue: 2}"), access: access)
    }

    private func ask(_ client: TestClient, _ tenant: String) {
        let body = chat()
        client.peer.send(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nx-api-key: fi-\(tenant)\r\n"
                + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        client.settle()
    }

    @Test func itIsToldThatTheQueueIsFull() throws {
        let environment = try environment("- {id: m, executors: [{url: 'http://one:1', max_running: 1}]}")
        let clients = try (0..<4).map { _ in try TestClient(environment) }
        for client in clients[..<3] { ask(client, "a") }
        #expect(environment.finished.isEmpty && environment.executors.count == 1)
        ask(clients[3], "b")
        #expect(clients[2].status == 429 && clients[2].received.contains("queue_full"))
        #expect(clients[2].received.contains("retry-after: 1"))
        #expect(environment.finished.count == 1 && environment.snapshot.pool(of: "m").waitingCount == 2)
        // The executor becomes free three times: for the running exchange of `a`, its waiting one, and then that of
        // `b`.
        for _ in 0..<3 {
            let executor = try #require(environment.executors.last)
            executor.answer()
            executor.say(Said.token + Said.finish + Said.done)
            executor.end()
            clients[0].settle()
        }
        #expect(environment.finished.map(\.tenant) == ["a", "a", "a", "b"])
        #expect(environment.finished.dropFirst().allSatisfy { $0.end == .complete })
    }

    @Test func aFallbackTakesIt() throws {
        let environment = try environment(
            """
            - {id: m, fallbacks: [n], executors: [{url: 'http://one:1', max_running: 1}]}
            - {id: n, executors: [{url: 'http://two:1'}]}
            """
        )
        let clients = try (0..<4).map { _ in try TestClient(environment) }
        for client in clients[..<3] { ask(client, "a") }
        ask(clients[3], "b")
        #expect(environment.finished.isEmpty && environment.executors.map(\.name) == ["http://one:1", "http://two:1"])
        // The exchange of tenant b has a place in the queue, because one of tenant a has gone to the fallback model.
        #expect(environment.snapshot.pool(of: "m").waitingCount == 2)
    }

    /// A pool may order an exchange to leave its queue for another tenant.
    ///
    /// The order has no effect if the exchange has left the queue before the order arrives, even if it has entered the
    /// queue again.
    @Test func whoHasLeftTheQueueGivesNoWay() throws {
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1', max_running: 1}]}")
        let pool = snapshot.pool(of: "m")
        let ways = Lock<[GaveWay]>([])
        var selection = ExecutorSelection(
            pools: [pool],
            request: RoutingRequest(tenant: "a"),
            limits: AdmissionLimits(waitMax: 8_000_000_000, queueMax: 2),
            budget: RetryBudget()
        )
        func admit(_ tenant: String) -> QueueTicket? {
            let request = RoutingRequest(tenant: tenant)
            let admission = pool.admit(request, waitMax: 8_000_000_000, queueMax: 2, at: 1) { _ in }
            if case .waiting(let ticket) = admission { return ticket }
            return nil
        }
        func wait() {
            _ = selection.next(after: .arrival, at: 1) { end in
                if case .gaveWay(let way) = end { ways.withLock { $0.append(way) } }
            }
        }
        guard case .executor(let executor, _) = pool.choose(at: 1) else { return }
        let first = try #require(admit("a"))
        wait()
        let second = try #require(admit("b"))
        let way = try #require(ways.withLock { $0.first })
        #expect(selection.stands(in: way.pool, at: way.ticket) && pool.waitingCount == 2)
        selection.stopWaiting(at: 1)
        #expect(!selection.stands(in: way.pool, at: way.ticket))
        pool.leave(second)
        wait()
        #expect(!selection.stands(in: way.pool, at: way.ticket) && pool.waitingCount == 2)
        selection.ended(at: 1)
        pool.leave(first)
        pool.release(executor, began: 1, at: 1)
    }
}
