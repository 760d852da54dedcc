// Tests faults of one stream for which nghttp2 1.52 by itself would end the whole connection. The edge ends only the
// stream.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2ServerSessionRequestsTests {
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

    /// All requests arrive in one read.
    ///
    /// The server counts each refusal at once, although it sends the first one only after the read.
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
}
