// Client frames that our session reads itself before nghttp2 does, also if they arrive in parts.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2FrameReaderTests {
    private let protocolError: UInt32 = 1

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
        // The client may send the frame before it receives our RST_STREAM, so the frame is no error.
        session.send(update)
        #expect(session.goAways.isEmpty)
    }

    @Test(arguments: [0, 2, 5] as [UInt32]) func anIncrementOfZeroOfNoStreamEndsTheConnection(stream: UInt32) throws {
        let session = try HTTP2Session()
        session.request(1)
        session.send(Frame.windowUpdate, 0, stream, big(0))
        #expect(session.goAways == [protocolError])
    }

    /// No other frame may interrupt a header block, not even one that the reader answers itself (RFC 9113 section
    /// 6.10).
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
