// Faults of one stream that nghttp2 1.52 takes for faults of the connection: the others go on.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2StreamErrorTests {
    private let refused: UInt32 = 7, protocolError: UInt32 = 1, enhanceYourCalm: UInt32 = 11

    @Test func aStreamBeyondTheLimitIsRefusedAlone() throws {
        let session = try HTTP2Session { $0.streamsMax = 3 }
        let settings = try #require(session.frames.first { $0.type == Frame.settings })
        #expect(Array(settings.payload.prefix(6)) == [0, 3] + big(3), "the client hears of 3")
        for id in [1, 3, 5, 7, 9] as [UInt32] { session.request(id) }
        #expect(session.exchanges.count == 3 && session.goAways.isEmpty)
        #expect(session.reset(of: 7) == refused && session.reset(of: 9) == refused)
        session.exchanges[0].answer("one")
        session.settle()
        session.request(11)
        #expect(session.exchanges.count == 4 && session.status(of: 1) == 200)
        session.exchanges[3].answer("eleven")
        session.settle()
        #expect(session.status(of: 11) == 200 && session.server.connection?.activeStreams == 2)
    }

    @Test func aStreamCountsOnceItsHeadIsWhole() throws {
        let session = try HTTP2Session { $0.streamsMax = 1 }
        session.request(1)
        let head = HTTP2Session.head()
        session.send(Frame(type: Frame.headers, flags: Frame.endStream, stream: 3, payload: Array(head[..<2])).bytes)
        #expect(session.server.connection?.activeStreams == 1 && session.reset(of: 3) == nil)
        let rest = Frame(type: Frame.continuation, flags: Frame.endHeaders, stream: 3, payload: Array(head[2...]))
        session.send(rest.bytes)
        #expect(session.server.connection?.activeStreams == 1 && session.reset(of: 3) == refused)
    }

    @Test func streamsBeyondTheLimitWithoutEndEndTheConnection() throws {
        let session = try HTTP2Session { $0.streamsMax = 3 }
        for index in 0..<200 where session.server.peer.end == nil { session.request(UInt32(2 * index + 1)) }
        #expect(session.goAways.last == enhanceYourCalm && session.exchanges.count == 3)
        #expect(session.frames.count { $0.type == Frame.reset } == 101)
    }

    /// Nothing is flushed between the frames of one read: what is refused is counted all the same.
    @Test func refusalsAreCountedBeforeTheyAreSent() throws {
        let session = try HTTP2Session { $0.streamsMax = 3 }
        let request = { (id: Int) in
            Frame(
                type: Frame.headers,
                flags: Frame.endHeaders | Frame.endStream,
                stream: UInt32(id),
                payload: HTTP2Session.head()
            ).bytes
        }
        session.send((0..<1000).flatMap { request(2 * $0 + 1) })
        #expect(session.goAways.last == enhanceYourCalm && session.exchanges.count == 3)
        #expect(session.frames.count { $0.type == Frame.reset } == 101)
    }

    @Test(arguments: [13, 1, 9, 10, 12]) func anIncrementOfZeroIsItsStreamsFault(first: Int) throws {
        let session = try HTTP2Session()
        session.request(1)
        session.request(3)
        let update = Frame(type: Frame.windowUpdate, flags: 0, stream: 1, payload: big(0)).bytes
        session.send(Array(update[..<first]))
        session.send(Array(update[first...]))
        #expect(session.reset(of: 1) == protocolError && session.goAways.isEmpty)
        #expect(session.exchanges[0].left.count == 1)
        session.exchanges[1].answer("goes on")
        session.settle()
        #expect(session.body(of: 3) == Array("goes on".utf8))
        // It may cross with our reset.
        session.send(update)
        #expect(session.goAways.isEmpty)
    }

    @Test func incrementsOfZeroWithoutEndEndTheConnection() throws {
        for isOpen in [true, false] {
            let session = try HTTP2Session()
            for index in 0..<200 where session.server.peer.end == nil {
                let id = isOpen ? UInt32(2 * index + 1) : 1
                if isOpen || index == 0 { session.request(id) }
                session.send(Frame.windowUpdate, 0, id, big(0))
            }
            #expect(session.goAways.last == enhanceYourCalm)
        }
    }

    @Test(arguments: [0, 2, 5] as [UInt32]) func anIncrementOfZeroOfNoStreamEndsTheConnection(stream: UInt32) throws {
        let session = try HTTP2Session()
        session.request(1)
        session.send(Frame.windowUpdate, 0, stream, big(0))
        #expect(session.goAways == [protocolError])
    }

    /// Also one that is answered before the library sees it: the block's own deadline stays, and the request is none.
    @Test(arguments: [0, 1] as [UInt32]) func nothingComesInsideAHeaderBlock(increment: UInt32) throws {
        for stream in [0, 1, 3] as [UInt32] {
            let session = try HTTP2Session()
            session.request(1)
            session.send(Frame.headers, Frame.endStream, 3, HTTP2Session.head())
            session.send(Frame.windowUpdate, 0, stream, big(increment))
            #expect(session.goAways == [protocolError], "on stream \(stream)")
            session.send(Frame.continuation, Frame.endHeaders, 3, [])
            #expect(session.exchanges.count == 1)
        }
    }

    @Test func windowUpdatesThatComeInPartsAreRead() throws {
        let session = try HTTP2Session(settings: [0, 4, 0, 0, 0, 0])
        session.request(1)
        session.exchanges[0].answer("waits")
        session.settle()
        #expect(session.body(of: 1).isEmpty)
        for byte in Frame(type: Frame.windowUpdate, flags: 0, stream: 1, payload: big(5)).bytes { session.send([byte]) }
        #expect(session.body(of: 1) == Array("waits".utf8))
    }
}
