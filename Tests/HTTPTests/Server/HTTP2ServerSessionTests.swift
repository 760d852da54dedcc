// The server's side of HTTP/2: streams, flow-control windows, the order of requests, and how streams end.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2ServerSessionTests {
    @Test func aRequestIsAnsweredAndEverythingIsFreed() throws {
        let session = try HTTP2Session()
        session.server.delegate.onEnd = { $0.answer("hello") }
        session.request(1, path: "/a?b=c", fields: [("cookie", "a=b"), ("cookie", "c=d")])
        #expect(session.status(of: 1) == 200 && session.body(of: 1) == Array("hello".utf8))
        #expect(session.frames(of: 1).last?.endsStream == true && session.exchanges[0].finished == 1)
        #expect(session.exchanges[0].target == "/a?b=c" && session.exchanges[0].head.authority == Array("x".utf8))
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test(arguments: [false, true]) func aHeadOfManyReadsIsWholeWhateverEndsMeanwhile(continued: Bool) throws {
        let session = try HTTP2Session()
        session.request(1)
        let head = HTTP2Session.head(path: "/late", fields: [("authorization", "Bearer x"), ("cookie", "a=b")])
        let half = head.count / 2
        let flags = Frame.endStream | (continued ? 0 : Frame.endHeaders)
        let first = Frame(
            type: Frame.headers,
            flags: flags,
            stream: 3,
            payload: continued ? Array(head[..<half]) : head
        ).bytes
        session.send(Array(first[..<(9 + half)]))
        // Stream 1 ends after a half of the head of stream 3 has arrived, and before the other half arrives.
        session.exchanges[0].answer("hello")
        session.settle()
        #expect(session.exchanges[0].finished == 1)
        if continued {
            session.send(Frame.continuation, Frame.endHeaders, 3, Array(head[half...]))
        } else {
            session.send(Array(first[(9 + half)...]))
        }
        try #require(session.exchanges.count == 2)
        let fields = session.exchanges[1].head.fields
        #expect(session.exchanges[1].target == "/late")
        #expect(fields.string(.authorization) == "Bearer x" && fields.string(.cookie) == "a=b")
    }

    /// Many requests that arrive at once begin over several turns of the loop, so that other connections need not wait.
    @Test func aBurstOfRequestsBeginsOverManyTurns() throws {
        let session = try HTTP2Session()
        let clock = session.server.test.clock
        session.server.delegate.onEnd = {
            clock.advance(by: 100_000)
            $0.answer("hello")
        }
        let burst = (0..<100).flatMap { index in
            Frame(
                type: Frame.headers,
                flags: Frame.endHeaders | Frame.endStream,
                stream: UInt32(2 * index + 1),
                payload: HTTP2Session.head(path: "/\(index)")
            ).bytes
        }
        // After a second, the loop no longer counts the opening of the connection as recent work.
        session.server.pass(second)
        session.server.peer.send(burst)
        // Each request takes 0.1 ms. After 10 requests, the loop limits this connection to a quarter of the time of its
        // other work, but at least 0.1 ms. So the second turn begins 8 requests and 2 more, and each later turn begins
        // 2.
        for begun in [8, 18, 20, 22] {
            session.server.test.loop.turn(waitMax: 0)
            #expect(session.exchanges.count == begun)
        }
        for _ in 0..<39 { session.server.test.loop.turn(waitMax: 0) }
        session.settle()
        #expect(session.exchanges.map(\.target) == (0..<100).map { "/\($0)" })
        #expect((0..<100).allSatisfy { session.status(of: UInt32(2 * $0 + 1)) == 200 })
        // The server, which had stopped reading during the burst, reads again: it answers a new request.
        session.request(201)
        #expect(session.status(of: 201) == 200)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    /// A client may leave while the server has begun only some of its requests; the server then frees everything.
    @Test func aClientMayLeaveInTheMiddleOfABurst() throws {
        let account = MemoryAccount()
        let session = try HTTP2Session(account: account)
        let burst = (0..<100).flatMap { index in
            Frame(
                type: Frame.headers,
                flags: Frame.endHeaders | Frame.endStream,
                stream: UInt32(2 * index + 1),
                payload: HTTP2Session.head()
            ).bytes
        }
        session.server.pass(second)
        session.server.peer.send(burst)
        session.server.test.loop.turn(waitMax: 0)
        #expect(session.exchanges.count == 8)
        session.server.peer.reset()
        session.server.settle()
        #expect(session.exchanges.count < 100 && session.exchanges.allSatisfy { $0.left.count == 1 })
        #expect(session.server.isFreed())
        #expect(account.held == 0)
    }

    @Test func bodiesComeInAndWindowsOpenOnlyAsTheyAreTaken() throws {
        let session = try HTTP2Session()
        session.server.delegate.onHead = { $0.takesBody = false }
        session.request(1, "POST", fields: [("content-length", "100000")], end: false)
        _ = session.take()
        #expect(session.exchanges[0].head.body == .known(100_000))
        for _ in 0..<10 { session.send(Frame.data, 0, 1, [UInt8](repeating: 65, count: 10_000)) }
        #expect(session.exchanges[0].body.count == 100_000)
        #expect(session.take().isEmpty, "nothing was taken, so nothing is given back")
        session.exchanges[0].stream.consumed(100_000)
        session.exchanges[0].stream.consumed(100_000)
        // A WINDOW_UPDATE is sent once half of the stream's window has been consumed.
        session.send(Frame.data, 0, 1, [])
        for _ in 0..<3 { session.send(Frame.data, 0, 1, []) }
        session.settle()
        #expect(session.frames(of: 1, Frame.windowUpdate).reduce(0) { $0 + $1.word } <= 100_000)
    }

    @Test func bytesThatNobodyTookAreGivenBackWithTheirStream() throws {
        let session = try HTTP2Session()
        session.server.delegate.onHead = { $0.takesBody = false }
        // The client resets each stream. All streams together send far more than the connection's window of 1 MiB.
        for index in 0..<40 {
            let id = UInt32(2 * index + 1)
            session.request(id, "POST", end: false)
            for _ in 0..<10 { session.send(Frame.data, 0, id, [UInt8](repeating: 65, count: 16_000)) }
            session.send(Frame.reset, 0, id, big(8))
        }
        #expect(session.goAways.isEmpty)
        #expect(session.exchanges.allSatisfy { $0.left.count == 1 && $0.body.count == 160_000 })
        let returned = session.frames(of: 0, Frame.windowUpdate).reduce(0) { $0 + Int($1.word) }
        #expect(returned >= 40 * 160_000 - (1 << 20))
    }

    @Test func anEarlyAnswerTellsTheClientToStopSending() throws {
        let session = try HTTP2Session()
        session.server.delegate.onHead = { $0.answer("too large", status: 413) }
        session.request(1, "POST", end: false)
        #expect(session.status(of: 1) == 413)
        #expect(session.frames(of: 1, Frame.data).last?.endsStream == true)
        // The server drops the rest of the body. If the client does not end its stream within one second, the server
        // resets it.
        session.send(Frame.data, 0, 1, [UInt8](repeating: 65, count: 16_000))
        #expect(session.reset(of: 1) == nil)
        session.pass(1_100_000_000)
        #expect(session.reset(of: 1) == 0, "NO_ERROR")
        #expect(session.exchanges[0].finished == 1 && session.exchanges[0].body.isEmpty && session.goAways.isEmpty)
        session.request(3)
        #expect(session.exchanges.count == 2)
    }

    @Test func afterAnEarlyAnswerNeitherBodyNorItsEndIsHeard() throws {
        let session = try HTTP2Session()
        session.server.delegate.onHead = { $0.answer("too large", status: 413) }
        session.request(1, "POST", fields: [("content-length", "5")], end: false)
        session.send(Frame.data, Frame.endStream, 1, Array("hello".utf8))
        let exchange = session.exchanges[0]
        #expect(exchange.body.isEmpty && !exchange.hasEnded && exchange.finished == 1 && exchange.callsAfterEnd == 0)
    }

    @Test func aBrokenAnswerIsSaidAndThenReset() throws {
        let session = try HTTP2Session()
        for (id, text) in [(UInt32(1), "data: error\n\n"), (3, "")] {
            session.request(id)
            let exchange = session.exchanges.last!
            exchange.respond()
            if !text.isEmpty { exchange.send(text) }
            exchange.stream.abort()
            exchange.send("never")
            exchange.stream.finish()
            session.settle()
            #expect(session.status(of: id) == 200 && session.body(of: id) == Array(text.utf8))
            #expect(session.frames(of: id).allSatisfy { !$0.endsStream || $0.type == Frame.reset })
            #expect(session.reset(of: id) == 2, "INTERNAL_ERROR")
            #expect(exchange.left.isEmpty && exchange.finished == 0)
        }
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func aBrokenAnswerWaitsAtMostASecondForItsClient() throws {
        // A client with an initial window of 4 bytes.
        let session = try HTTP2Session(settings: [0, 4, 0, 0, 0, 4])
        session.request(1)
        session.exchanges[0].respond()
        session.exchanges[0].send("much more")
        session.exchanges[0].stream.abort()
        session.settle()
        #expect(session.body(of: 1) == Array("much".utf8) && session.reset(of: 1) == nil)
        session.pass(2 * second)
        #expect(session.reset(of: 1) == 2)
    }

    @Test func aResetIsHeardAtOnce() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.exchanges[0].respond()
        session.exchanges[0].send("part")
        session.server.peer.send(Frame(type: Frame.reset, flags: 0, stream: 1, payload: big(8)).bytes)
        session.server.test.loop.turn(waitMax: 1000)
        guard case .reset(8)? = session.exchanges[0].left.first else {
            Issue.record("not told")
            return
        }
        session.exchanges[0].send("nobody")
        session.exchanges[0].stream.finish()
        session.settle()
        #expect(session.exchanges[0].callsAfterEnd == 0 && session.goAways.isEmpty)
    }

    @Test func headHasNoBody() throws {
        let session = try HTTP2Session()
        session.server.delegate.onEnd = { $0.answer("hello") }
        session.request(1, "HEAD")
        #expect(session.status(of: 1) == 200 && session.body(of: 1).isEmpty)
        #expect(session.frames(of: 1).last?.endsStream == true && session.exchanges[0].finished == 1)
    }

    @Test func informationalHeadsAreSent() throws {
        let session = try HTTP2Session()
        session.request(1)
        let stream = session.exchanges[0].stream
        stream.sendInformational(ResponseHead(status: 103))
        session.exchanges[0].respond()
        session.exchanges[0].send("x")
        stream.finish()
        session.settle()
        #expect(session.frames(of: 1).map(\.type) == [Frame.headers, Frame.headers, Frame.data])
        #expect(session.frames(of: 1).map(\.endsStream) == [false, false, true])
        #expect(session.exchanges[0].finished == 1)
    }
}
