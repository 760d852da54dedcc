// Tests HTTP/1.1 responses of executors: how their length is found, and which faults make an attempt fail.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP1ExecutorConnectionTests {
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

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
}
