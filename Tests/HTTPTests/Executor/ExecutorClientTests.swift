// Tests which connections to an engine the edge keeps, uses again and replaces.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ExecutorClientTests {
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    @Test func aConnectionIsUsedAgain() throws {
        let executor = try ExecutorTest()
        for _ in 0..<3 {
            let attempt = executor.send()
            #expect(attempt.sent == 1)
            #expect(executor.peers[0].text == "POST /v1/x HTTP/1.1\r\nhost: executor\r\ncontent-length: 2\r\n\r\n{}")
            _ = executor.peers[0].take()
            executor.say(ok)
            #expect(attempt.text == "ok" && attempt.ended == 1 && attempt.failures.isEmpty)
        }
        #expect(executor.peers.count == 1 && executor.client.opened == 1 && executor.client.connections == 1)
    }

    @Test func anIdleConnectionIsClosedBeforeItsExecutorDoes() throws {
        let executor = try ExecutorTest()
        _ = executor.send()
        executor.say(ok)
        executor.test.pass(5 * second)
        executor.settle()
        #expect(executor.peers[0].end == .closed && executor.client.connections == 0)
        _ = executor.send()
        #expect(executor.peers.count == 2)
    }

    @Test func nothingIsKeptBeyondThePoolsLimit() throws {
        let executor = try ExecutorTest(idleMax: 1)
        let first = executor.send()
        let second = executor.send()
        executor.say(ok, at: 0)
        executor.say(ok, at: 1)
        #expect(first.ended == 1 && second.ended == 1 && executor.client.connections == 1)
    }

    @Test func aStaleConnectionIsReplacedOnceUnseen() throws {
        let executor = try ExecutorTest()
        _ = executor.send()
        executor.say(ok)
        // The engine closes the idle connection just before the next request uses it.
        executor.peers[0].close()
        let attempt = executor.send()
        #expect(executor.peers.count == 2 && attempt.failures.isEmpty && attempt.sent == 1)
        #expect(executor.peers[1].text.hasSuffix("\r\n\r\n{}"))
        executor.say(ok)
        #expect(attempt.text == "ok" && attempt.ended == 1 && executor.client.connections == 1)
    }

    @Test func aFreshConnectionThatFailsIsNotReplaced() throws {
        let executor = try ExecutorTest()
        _ = executor.send()
        executor.say(ok)
        executor.peers[0].close()
        let attempt = executor.send()
        executor.peers[1].close()
        executor.settle()
        #expect(executor.peers.count == 2 && attempt.failure == "closedBeforeHead" && attempt.failures.count == 1)
        #expect(executor.client.connections == 0)
    }

    @Test func aStaleConnectionThatSaidSomethingIsNotReplaced() throws {
        let executor = try ExecutorTest()
        _ = executor.send()
        executor.say(ok)
        let attempt = executor.send()
        executor.say("HTTP/1.1 2")
        executor.peers[0].close()
        executor.settle()
        #expect(executor.peers.count == 1 && attempt.failure == "closedBeforeHead")
    }

    @Test func anAnswerThatClosesIsNotPooled() throws {
        let executor = try ExecutorTest()
        let attempt = executor.send()
        executor.say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
        #expect(attempt.ended == 1 && executor.client.connections == 0)
    }
}
