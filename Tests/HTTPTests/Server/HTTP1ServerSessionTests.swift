// The server's side of HTTP/1.1: requests in order, bodies with each kind of framing, and keep-alive.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP1ServerSessionTests {
    @Test func connectionsAreKeptAliveAndFreed() throws {
        let server = try TestServer()
        server.delegate.onEnd = { $0.answer("hello") }
        for _ in 0..<3 {
            server.say("GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(server.takeText() == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        }
        #expect(server.exchanges.map(\.finished) == [1, 1, 1] && server.exchanges[0].target == "/a")
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func anAnswerInsideTheHeadsCallEndsLikeAnyOther() throws {
        let server = try TestServer()
        server.delegate.onHead = { $0.answer("now") }
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.exchanges.map(\.finished) == [1, 1])
        #expect(server.takeText().components("now") == 2)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aResponseIsFinishedOnlyWhenTheKernelHasIt() throws {
        let server = try TestServer(receiveBuffer: 4096)
        server.delegate.onEnd = { $0.answer(String(repeating: "x", count: 8 << 20)) }
        server.peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        for _ in 0..<10 { server.test.loop.turn(waitMax: 0) }
        #expect(server.exchanges[0].finished == 0 && server.exchanges[0].stream.isFinished)
        server.test.run(server.peer) { server.exchanges[0].finished == 1 }
        #expect(server.exchanges[0].finished == 1 && server.exchanges[0].left.isEmpty)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aFinishedResponseThatNobodyTakesIsGivenUp() throws {
        let server = try TestServer(receiveBuffer: 4096)
        server.delegate.onEnd = { $0.answer(String(repeating: "x", count: 8 << 20)) }
        server.peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        server.test.run { server.channel!.backlog > 0 }
        server.test.pass(80 * second)
        #expect(server.exchanges[0].left.count == 1 && server.exchanges[0].finished == 0)
        #expect(server.isFreed())
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let server = try TestServer()
        server.say((0..<5).map { "GET /\($0) HTTP/1.1\r\nhost: x\r\n\r\n" }.joined())
        #expect(server.exchanges.count == 1, "the next one waits for the answer")
        for index in 0..<5 {
            server.exchanges[index].answer("<\(index)>")
            server.settle()
        }
        #expect(server.exchanges.map(\.target) == ["/0", "/1", "/2", "/3", "/4"])
        let text = server.takeText()
        #expect(text.split(separator: "<").dropFirst().map { String($0.prefix(1)) } == ["0", "1", "2", "3", "4"])
    }

    @Test func theLookAheadIsBounded() throws {
        let server = try TestServer()
        server.say("GET /0 HTTP/1.1\r\nhost: x\r\n\r\n")
        let next = Array("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n".utf8)
        var offered = next + [UInt8](repeating: 65, count: 5_000_000)
        func push() {
            for _ in 0..<200 {
                offered.removeFirst(server.peer.send(Array(offered.prefix(100_000))))
                server.test.loop.turn(waitMax: 0)
            }
        }
        push()
        #expect(offered.count > 0, "TCP holds the client back")
        server.exchanges[0].answer("first")
        server.test.run(server.peer) {
            push()
            return server.exchanges.count == 2 && server.exchanges[1].hasEnded
        }
        #expect(server.exchanges[1].body.count == 5_000_000)
    }

    @Test func aBodyThatIsNotTakenHoldsItsClientBack() throws {
        let server = try TestServer()
        server.delegate.onHead = { $0.takesBody = false }
        server.say("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n")
        let block = [UInt8](repeating: 65, count: 100_000)
        var sent = 0
        for _ in 0..<400 {
            sent += server.peer.send(block)
            server.test.loop.turn(waitMax: 0)
        }
        let held = server.exchanges[0].body.count
        #expect(held >= 64 << 10 && held <= 128 << 10)
        server.exchanges[0].stream.consumed(held)
        server.settle()
        #expect(server.exchanges[0].body.count > held)
        // The server notices a client that closes, even while it does not read from it.
        server.peer.reset()
        server.settle()
        #expect(server.exchanges[0].left.count == 1)
        #expect(server.isFreed())
    }

    @Test func bodiesComeByLengthAndByChunks() throws {
        let server = try TestServer()
        server.delegate.onEnd = { $0.answer("ok") }
        let whole =
            "POST /l HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
            + "POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nfoo\r\n3;a=b\r\nbar\r\n0\r\nx: y\r\n\r\n"
            + "GET /g HTTP/1.1\r\nhost: x\r\n\r\n"
        for byte in whole.utf8 {
            server.peer.send([byte])
            server.test.loop.turn(waitMax: 0)
        }
        server.settle()
        #expect(server.delegate.refusals.map(\.message) == [])
        #expect(server.exchanges.map(\.text) == ["hello", "foobar", ""])
        #expect(server.exchanges.map(\.finished) == [1, 1, 1])
        server.say(whole)
        server.settle()
        #expect(server.exchanges.map(\.text).suffix(3) == ["hello", "foobar", ""])
    }

    @Test func aStreamedAnswerIsChunkedAndEndsInOneWrite() throws {
        let server = try TestServer()
        server.say("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        let exchange = server.exchanges[0]
        exchange.respond()
        exchange.send("data: 1\n\n")
        server.settle()
        #expect(server.takeText() == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
        exchange.send("data: [DONE]\n\n")
        exchange.stream.finish()
        exchange.send("never")
        server.settle()
        #expect(server.takeText() == "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        #expect(exchange.stream.bytesSent == 23 && exchange.finished == 1)
    }

    @Test func continueIsSaidWhenAskedForOnceAndOnlyThen() throws {
        let server = try TestServer()
        server.delegate.onHead = { $0.stream.sendInformational(ResponseHead(status: 100)) }
        server.say("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        server.exchanges[0].stream.sendInformational(ResponseHead(status: 100))
        server.settle()
        #expect(server.takeText() == "HTTP/1.1 100 Continue\r\n\r\n")
        server.say("ok")
        server.exchanges[0].answer("done")
        server.settle()
        #expect(server.takeText().hasPrefix("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"))
        server.say("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n")
        #expect(server.takeText().isEmpty)
    }

    @Test func headHasTheFieldsAndNoBody() throws {
        let server = try TestServer()
        server.delegate.onEnd = { $0.answer("hello") }
        server.say("HEAD / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n")
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
        #expect(server.takeText() == head + head + "hello")
    }

    @Test func http10EndsWithTheConnection() throws {
        let server = try TestServer()
        server.say("GET / HTTP/1.0\r\n\r\n")
        server.exchanges[0].respond()
        server.exchanges[0].send("all")
        server.exchanges[0].stream.finish()
        server.settle()
        #expect(server.takeText() == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall")
        #expect(server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func http10KeepsAliveWhenAskedTo() throws {
        let server = try TestServer()
        server.delegate.onEnd = { $0.answer("x") }
        for _ in 0..<2 {
            server.say("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            #expect(server.takeText() == "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\nx")
        }
    }
}

extension String {
    /// Counts the occurrences of `part`.
    func components(_ part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
