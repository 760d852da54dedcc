// HTTP/2 requests to executors: sharing of connections, stream limits, responses, and the retry of refused streams.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2ExecutorConnectionTests {
    private let refused: UInt32 = 7, cancel: UInt32 = 8

    @Test func manyRequestsShareOneConnection() throws {
        let executor = try ExecutorTest.http2()
        let attempts = (0..<5).map { _ in executor.send() }
        #expect(executor.peers.count == 1 && executor.http2().requests.isEmpty, "nothing before its SETTINGS")
        executor.http2().greet()
        executor.settle()
        #expect(executor.http2().requests == [1, 3, 5, 7, 9] && attempts.allSatisfy { $0.sent == 1 })
        #expect(executor.http2().body(of: 5) == Array("{}".utf8))
        for stream in [9, 1, 5, 7, 3] as [UInt32] { executor.http2().head(stream) }
        for round in ["a", "b"] {
            for stream in [3, 9, 1, 7, 5] as [UInt32] {
                executor.http2().data(stream, "\(stream)\(round)", end: round == "b")
            }
        }
        executor.settle()
        #expect(attempts.map(\.text) == ["1a1b", "3a3b", "5a5b", "7a7b", "9a9b"])
        #expect(attempts.allSatisfy { $0.ended == 1 && $0.failures.isEmpty && $0.heads.map(\.status) == [200] })
        #expect(executor.client.connections == 1)
    }

    @Test func aRequestIsWhatRFC9113Says() throws {
        let executor = try ExecutorTest.http2()
        _ = executor.sendAll(1)
        let block = try #require(executor.http2().frames(of: 1, Frame.headers).first?.payload)
        // `POST` and `http` are indexes into HPACK's static table; the other fields are literals.
        #expect(block.contains(0x83) && block.contains(0x86))
        #expect(executor.http2().frames(of: 1, Frame.data).last?.endsStream == true)
    }

    @Test func anotherIsOpenedBeyondWhatTheExecutorTakes() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(5, most: 2)
        #expect(executor.http2().requests.count == 2 && executor.peers.count == 2)
        executor.http2(1).greet(most: 2)
        executor.settle()
        #expect(executor.http2(1).requests.count == 2 && executor.peers.count == 3)
        executor.http2(2).greet(most: 2)
        executor.settle()
        for index in 0..<3 {
            for stream in executor.http2(index).requests { executor.http2(index).answer(stream, "ok") }
        }
        executor.settle()
        #expect(attempts.allSatisfy { $0.text == "ok" && $0.ended == 1 })
        // The first connection has room for another stream, so the client opens no new connection.
        _ = executor.send()
        #expect(executor.http2().requests.count == 3 && executor.peers.count == 3)
    }

    @Test func anExecutorThatTakesNoStreamsIsNotDialledForEver() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.send()
        for index in 0..<8 where executor.peers.count > index {
            executor.http2(index).greet(most: 0)
            executor.settle()
        }
        #expect(attempt.failure == "refused" && attempt.failures.count == 1 && executor.peers.count == 5)
    }

    /// The client submits requests to nghttp2 before it reads SETTINGS that allow fewer streams.
    ///
    /// nghttp2 would queue the excess until a stream ends, so the client must send it on another connection.
    @Test(arguments: [0, 2] as [UInt32]) func whatHasNoRoomAnyMoreGoesElsewhere(most: UInt32) throws {
        let executor = try ExecutorTest.http2()
        let first = executor.sendAll(1)[0]
        executor.http2().send(Frame.settings, 0, 0, [0, 3] + big(most))
        let late = (0..<3).map { _ in executor.send() }
        executor.settle()
        #expect(executor.http2().requests.count == max(1, Int(most)) && executor.peers.count == 2)
        executor.http2(1).greet()
        executor.settle()
        #expect(executor.http2(1).requests.count == 4 - max(1, Int(most)))
        for index in 0..<2 {
            for stream in executor.http2(index).requests { executor.http2(index).answer(stream, "ok") }
        }
        executor.settle()
        #expect(([first] + late).allSatisfy { $0.text == "ok" && $0.ended == 1 && $0.failures.isEmpty })
    }

    @Test func goAwayLosesNothing() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(100)
        executor.http2().head(1)
        executor.http2().data(1, "a")
        executor.http2().goAway(last: 119)
        executor.settle()
        #expect(executor.peers.count == 2 && attempts.allSatisfy { !$0.isOver })
        executor.http2(1).greet()
        executor.settle()
        #expect(executor.http2(1).requests.count == 40 && executor.http2().requests.count == 100)
        let late = executor.send()
        #expect(executor.http2(1).requests.count == 41, "no new request on the connection that goes away")
        executor.http2().data(1, "b", end: true)
        for stream in stride(from: 3, through: 119, by: 2) { executor.http2().answer(UInt32(stream), "ok") }
        for stream in executor.http2(1).requests { executor.http2(1).answer(stream, "ok") }
        executor.settle()
        #expect(attempts.dropFirst().allSatisfy { $0.text == "ok" && $0.ended == 1 && $0.failures.isEmpty })
        #expect(attempts[0].text == "ab" && late.text == "ok" && executor.client.connections == 1)
        #expect(executor.peers[0].end != nil, "it is closed after its last answer")
    }

    @Test func aRefusedRequestMovesAndIsNotMovedForEver() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        executor.http2().reset(3, refused)
        executor.settle()
        #expect(executor.peers.count == 2 && !attempts[1].isOver, "not to the same connection while it is busy")
        executor.http2(1).greet()
        executor.settle()
        executor.http2(1).answer(1, "ok")
        executor.settle()
        #expect(attempts[1].text == "ok" && !attempts[0].isOver)
        executor.http2().answer(1, "ok")
        executor.settle()
        let unlucky = executor.send()
        for _ in 0..<8 where !unlucky.isOver {
            for index in 0..<executor.peers.count {
                for stream in executor.http2(index).requests where stream > 3 || index > 0 {
                    executor.http2(index).reset(stream, refused)
                }
            }
            executor.settle()
        }
        #expect(unlucky.failure == "refused" && unlucky.failures.count == 1)
    }

    @Test(arguments: [
        (false, "closedBeforeHead"), (true, "closedInResponse"),
    ]) func aResetIsAFailureOfItsStreamAlone(afterHead: Bool, failure: String) throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        if afterHead { executor.http2().head(1) }
        executor.http2().reset(1, 2)
        executor.settle()
        #expect(attempts[0].failure == failure && !attempts[1].isOver)
        executor.http2().answer(3, "ok")
        executor.settle()
        #expect(attempts[1].text == "ok" && executor.peers.count == 1)
    }

    @Test func aClosedConnectionFailsItsStreams() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(3)
        executor.http2().head(1)
        executor.http2().answer(5, "ok")
        executor.settle()
        executor.peers[0].close()
        executor.settle()
        #expect(attempts[0].failure == "closedInResponse" && attempts[1].failure == "closedBeforeHead")
        #expect(attempts[2].text == "ok" && executor.client.connections == 0 && executor.peers.count == 1)
    }

    @Test func aConnectionThatWasIdleAndIsClosedIsReplacedUnseen() throws {
        let executor = try ExecutorTest.http2()
        _ = executor.sendAll(1)
        executor.http2().answer(1, "ok")
        executor.settle()
        executor.peers[0].close()
        let attempt = executor.send()
        #expect(executor.peers.count == 2 && attempt.failures.isEmpty)
        executor.http2(1).greet()
        executor.settle()
        executor.http2(1).answer(1, "ok")
        executor.settle()
        #expect(attempt.text == "ok" && attempt.ended == 1)
    }

    @Test func anExecutorThatGreetsAndClosesIsNotDialledForEver() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.send()
        for index in 0..<6 where executor.peers.count > index {
            executor.http2(index).greet()
            executor.settle()
            executor.peers[index].close()
            executor.settle()
        }
        #expect(attempt.failure == "closedBeforeHead" && attempt.failures.count == 1)
        #expect(executor.peers.count == 1, "a connection that has served nothing is not stale")
        #expect(executor.client.connections == 0)
    }

    @Test func interimHeadsAndTrailersAreReadOver() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.sendAll(1)[0]
        executor.http2().head(1, status: "103", fields: [("link", "x")])
        executor.http2().head(1, status: "404", fields: [("content-length", "2"), ("x-a", "1")])
        executor.http2().data(1, "ok")
        executor.http2().send(Frame.headers, Frame.endHeaders | Frame.endStream, 1, literal("grpc-status", "0"))
        executor.settle()
        #expect(attempt.heads.map(\.status) == [404] && attempt.framing == [.known(2)] && attempt.text == "ok")
        #expect(attempt.heads[0].fields.count == 2 && attempt.ended == 1)
    }

    @Test func anAnswerMayBeCutAnywhere() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.sendAll(1)[0]
        let answer =
            Frame(type: Frame.headers, flags: Frame.endHeaders, stream: 1, payload: literal(":status", "200")).bytes
            + Frame(type: Frame.data, flags: 0, stream: 1, payload: Array("hello ".utf8)).bytes
            + Frame(type: Frame.data, flags: Frame.endStream, stream: 1, payload: Array("world".utf8)).bytes
        for byte in answer {
            executor.peers[0].send([byte])
            executor.test.loop.turn(waitMax: 0)
        }
        executor.settle()
        #expect(attempt.text == "hello world" && attempt.ended == 1)
    }

    @Test func aServerOfAnotherProtocolSeesNothingOfTheRequest() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.send()
        executor.peers[0].send("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        executor.settle()
        #expect(attempt.failure == "noHTTP2" && executor.client.connections == 0)
        #expect(!executor.peers[0].text.contains("/v1/x") && executor.http2().requests.isEmpty)
    }

    @Test func oneThatGoesAwayBeforeItGreetsHasNotSaidThatItSpeaksNoHTTP2() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.send()
        executor.peers[0].close()
        executor.settle()
        #expect(attempt.failure == "closedBeforeHead" && executor.client.connections == 0)
    }

    @Test func anExecutorThatDoesNotGreetIsLate() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.send()
        executor.test.pass(3 * second)
        #expect(attempt.failure == "connectTimeout" && executor.client.connections == 0)
    }

    @Test func anUnusedConnectionIsClosed() throws {
        let executor = try ExecutorTest.http2()
        _ = executor.sendAll(1)
        executor.http2().answer(1, "ok")
        executor.settle()
        executor.test.pass(5 * second)
        executor.settle()
        #expect(executor.peers[0].end != nil && executor.client.connections == 0)
    }
}
