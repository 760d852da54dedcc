// Requests to executors over HTTP/1.1: framings, pooling, failures, pressure.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ExecutorTests {
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
        // The executor closes while the next request is on its way.
        executor.peers[0].close()
        let attempt = executor.send()
        #expect(executor.peers.count == 2 && attempt.failures.isEmpty && attempt.sent == 1)
        #expect(executor.peers[1].text.hasSuffix("\r\n\r\n{}"))
        executor.say(ok)
        #expect(attempt.text == "ok" && attempt.ended == 1 && executor.client.connections == 1)
    }

    @Test func aSystemWithoutRoomToWatchASocketFailsTheAttemptAndNotTheExecutor() throws {
        let executor = try ExecutorTest()
        executor.test.loop.registrationErrorForTest = 28  // ENOSPC
        let attempt = executor.send()
        guard case .unreachable(let error)? = attempt.failures.first else {
            Issue.record("\(attempt.failures)")
            return
        }
        #expect(error.call == "epoll_ctl" && error.isOutOfDescriptors && executor.client.connections == 0)
        executor.test.loop.registrationErrorForTest = nil
        let next = executor.send()
        executor.say(ok)
        #expect(next.text == "ok" && next.failures.isEmpty)
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

    @Test func nobodyThereIsUnreachable() throws {
        let test = TestLoop()
        for address in [try refusingAddress(), SocketAddress(unixPath: temporaryDirectory() + "/none")!] {
            let client = ExecutorClient(
                loop: test.loop,
                settings: ExecutorClientSettings(
                    addresses: AddressBook(address),
                    connectTimeout: second,
                    idleTimeout: second
                )
            )
            let attempt = Attempt()
            let request = ExecutorRequest(method: .get, target: [], host: [], fields: FieldBlock(), body: nil)
            let stream = client.send(request, handler: attempt)
            #expect(attempt.calls == 0, "not inside the call")
            test.run { attempt.isOver }
            #expect(attempt.failure == "unreachable" && attempt.calls == 1 && client.connections == 0)
            stream.cancel()
        }
    }

    @Test func aConnectionThatDoesNotComeTimesOut() throws {
        let test = TestLoop()
        // A full backlog: Linux drops what it cannot take.
        let listening = try Sockets.listen(
            on: SocketAddress(numeric: "127.0.0.1", port: 0)!,
            shared: false,
            backlog: 0
        )
        defer { listening.close() }
        let address = Sockets.localAddress(of: listening)!
        let filler = Peer(to: address)
        let client = ExecutorClient(
            loop: test.loop,
            settings: ExecutorClientSettings(
                addresses: AddressBook(address),
                connectTimeout: second,
                idleTimeout: second
            )
        )
        let attempt = Attempt()
        let request = ExecutorRequest(method: .get, target: [], host: [], fields: FieldBlock(), body: nil)
        let stream = client.send(request, handler: attempt)
        test.settle()
        #expect(!attempt.isOver && attempt.sent == 0)
        test.pass(2 * second)
        #expect(attempt.failure == "connectTimeout" && client.connections == 0)
        stream.cancel()
        filler.close()
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\na: b\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 11"
            + "\r\n\r\nhello world",
    ]) func anAnswerMayBeCutAnywhere(answer: String) throws {
        let executor = try ExecutorTest()
        let bytes = Array(answer.utf8)
        for cut in 0...bytes.count {
            let attempt = executor.send()
            executor.peers[0].send(Array(bytes[..<cut]))
            executor.settle()
            executor.peers[0].send(Array(bytes[cut...]))
            executor.settle()
            #expect(attempt.text == "hello world" && attempt.ended == 1 && attempt.heads.map(\.status) == [200])
        }
        let attempt = executor.send()
        for byte in bytes {
            executor.peers[0].send([byte])
            executor.test.loop.turn(waitMax: 0)
        }
        executor.settle()
        #expect(attempt.text == "hello world" && attempt.ended == 1)
        #expect(executor.peers.count == 1, "all on one connection")
    }

    @Test func aBodyMayEndWithItsConnection() throws {
        let executor = try ExecutorTest()
        let attempt = executor.send()
        executor.say("HTTP/1.0 200 OK\r\n\r\nall ")
        executor.say("of it")
        #expect(attempt.ended == 0)
        executor.peers[0].close()
        executor.settle()
        #expect(attempt.text == "all of it" && attempt.ended == 1 && executor.client.connections == 0)
    }

    @Test func bodilessAnswersEndWithTheirHead() throws {
        let executor = try ExecutorTest()
        let head = executor.send(.head, body: nil)
        executor.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        let none = executor.send()
        executor.say("HTTP/1.1 204 No Content\r\n\r\n")
        let empty = executor.send()
        executor.say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        #expect([head, none, empty].allSatisfy { $0.ended == 1 && $0.body.isEmpty } && executor.peers.count == 1)
    }

    @Test(arguments: [
        ("", "closedBeforeHead"), ("HTTP/1.1 200", "closedBeforeHead"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal", "closedInResponse"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "closedInResponse"),
    ]) func anAnswerThatIsCutIsAFailure(answer: String, failure: String) throws {
        let executor = try ExecutorTest()
        let attempt = executor.send()
        executor.say(answer)
        #expect(!attempt.isOver)
        executor.peers[0].close()
        executor.settle()
        #expect(attempt.failure == failure && attempt.failures.count == 1 && attempt.ended == 0)
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ]) func anAnswerThatIsNoHTTPIsAViolation(answer: String) throws {
        let executor = try ExecutorTest()
        let attempt = executor.send()
        executor.say(answer)
        #expect(attempt.failure == "violation" && attempt.failures.count == 1 && executor.peers[0].end != nil)
    }

    @Test func bytesThatNobodyAskedForEndTheConnection() throws {
        let executor = try ExecutorTest()
        let first = executor.send()
        executor.say(ok + "HTTP/1.1 200 OK\r\n")
        #expect(first.ended == 1 && executor.client.connections == 0)
        let second = executor.send()
        executor.say(ok)
        executor.say("HTTP/1.1 408 Request Timeout\r\n\r\n")
        #expect(second.ended == 1 && executor.client.connections == 0)
    }

    @Test func anAnswerThatClosesIsNotPooled() throws {
        let executor = try ExecutorTest()
        let attempt = executor.send()
        executor.say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
        #expect(attempt.ended == 1 && executor.client.connections == 0)
    }
}
