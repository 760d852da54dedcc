// Abusive HTTP/2 clients: the server ends the connection with the fitting error code, and nothing else is affected.
import HTTP
import LoopTesting
import Testing
import Transport

private let enhanceYourCalm: UInt32 = 11

@Suite struct HTTP2AbuseTests {
    private func expectCalm(_ session: HTTP2Session) {
        session.settle()
        #expect(session.goAways.last == enhanceYourCalm)
        #expect(session.server.peer.end == .closed)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func aThousandFieldsEndTheConnection() throws {
        let session = try HTTP2Session()
        let block = HTTP2Session.head() + [UInt8](repeating: 0x80 | 19, count: 1001)
        session.send(Frame.headers, Frame.endHeaders | Frame.endStream, 1, block)
        expectCalm(session)
    }

    @Test(arguments: [false, true]) func rapidResetsEndTheConnection(draining: Bool) throws {
        let session = try HTTP2Session()
        if draining { session.server.connection?.drain() }
        for index in 0..<210 where session.server.peer.end == nil {
            let id = UInt32(2 * index + 1)
            session.request(id)
            session.send(Frame.reset, 0, id, big(8))
        }
        #expect(session.exchanges.count == 201)
        #expect(session.exchanges.allSatisfy { $0.left.count == 1 && $0.callsAfterEnd == 0 })
        expectCalm(session)
    }

    @Test func resetsOfWholeAnswersAreNoAbuse() throws {
        let session = try HTTP2Session()
        session.server.delegate.onEnd = { $0.answer("done") }
        for index in 0..<300 {
            let id = UInt32(2 * index + 1)
            session.request(id)
            session.send(Frame.reset, 0, id, big(8))
        }
        #expect(session.goAways.isEmpty && session.exchanges.count == 300)
    }

    @Test func floodsOfFramesThatAskForNothingEndTheConnection() throws {
        for (type, flags, payload) in [
            (Frame.ping, UInt8(0), [UInt8](repeating: 0, count: 8)), (Frame.settings, 0, []),
            (Frame.windowUpdate, 0, big(1)),
        ] {
            let session = try HTTP2Session()
            let block = [[UInt8]](
                repeating: Frame(type: type, flags: flags, stream: 0, payload: payload).bytes,
                count: 100
            )
            for _ in 0..<50 where session.server.peer.end == nil { session.send(block.flatMap { $0 }) }
            expectCalm(session)
        }
    }

    @Test func framesWithinTheBudgetAreAnswered() throws {
        let session = try HTTP2Session()
        for _ in 0..<20 {
            for _ in 0..<100 { session.send(Frame.ping, 0, 0, [UInt8](repeating: 0, count: 8)) }
            session.pass(second)
        }
        #expect(session.goAways.isEmpty)
        #expect(session.frames.count { $0.type == Frame.ping && $0.flags == Frame.acknowledge } == 2000)
    }

    @Test func emptyDataEndsTheConnection() throws {
        let session = try HTTP2Session()
        session.request(1, "POST", end: false)
        for _ in 0..<10 { session.send(Frame.data, 0, 1) }
        session.send(Frame.data, 0, 1, [65])
        for _ in 0..<10 { session.send(Frame.data, 0, 1) }
        #expect(session.goAways.isEmpty)
        session.send(Frame.data, 0, 1)
        expectCalm(session)
    }

    @Test func resetsThatTheClientMakesUsSendEndTheConnection() throws {
        let session = try HTTP2Session()
        // MadeYouReset (CVE-2025-8671): an overflowing window makes the server reset the stream.
        for index in 0..<120 where session.server.peer.end == nil {
            let id = UInt32(2 * index + 1)
            session.request(id)
            session.send(Frame.windowUpdate, 0, id, big(0x7fff_ffff))
        }
        #expect(session.frames.count { $0.type == Frame.reset } >= 100)
        #expect(session.exchanges.allSatisfy { $0.left.count == 1 })
        expectCalm(session)
    }

    @Test func aStreamIdThatWasSkippedMayNotBeUsedLater() throws {
        for (first, second) in [(UInt32(5), UInt32(3)), (3, 1)] {
            let session = try HTTP2Session()
            session.request(first)
            session.request(second)
            #expect(session.goAways == [1], "PROTOCOL_ERROR")
            #expect(session.server.peer.end == .closed && session.exchanges.count == 1)
        }
    }

    @Test func lateFramesOnStreamsThatWereUsedAreNoSkippedOnes() throws {
        let session = try HTTP2Session()
        session.server.delegate.onEnd = { $0.answer("x") }
        for index in 0..<200 { session.request(UInt32(2 * index + 1)) }
        #expect(session.exchanges.count == 200 && session.goAways.isEmpty)
    }

    @Test func aHeadThatIsNeverEndedEndsTheConnection() throws {
        let session = try HTTP2Session()
        session.send(Frame.headers, Frame.endStream, 1, HTTP2Session.head())
        session.pass(11 * second)
        expectCalm(session)
    }

    @Test func anInvalidHeadLeavesNoDeadlineBehind() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.request(3, fields: [("Upper-Case", "x")])
        #expect(session.reset(of: 3) == 1 && session.exchanges.count == 1)
        session.pass(20 * second)
        #expect(session.goAways.isEmpty)
    }

    @Test func settingsThatAreNotAcknowledgedEndTheConnection() throws {
        let server = try TestServer()
        let session = HTTP2Session(upgrading: server)
        session.send(HTTP2Preface.bytes + Frame(type: Frame.settings, flags: 0, stream: 0, payload: []).bytes)
        session.pass(11 * second)
        #expect(session.goAways == [4], "SETTINGS_TIMEOUT")
        #expect(server.peer.end == .closed)
    }

    @Test func aRefusalThatNobodyTakesIsGivenUp() throws {
        let session = try HTTP2Session(settings: [0, 4, 0, 0, 0, 0])
        session.request(1, fields: (0..<97).map { ("a\($0)", "b") })
        #expect(session.status(of: 1) == 431 && session.server.connection?.activeStreams == 1)
        session.pass(80 * second)
        #expect(session.server.connection?.activeStreams == 0)
    }

    @Test(arguments: [
        [(":authority", "a@b")], [("host", "y")], [("expect", "magic")],
    ]) func whatTheLibraryLetsThroughIsRefused(fields: [(String, String)]) throws {
        let session = try HTTP2Session()
        var block = literal(":method", "GET") + literal(":scheme", "http") + literal(":path", "/")
        if fields[0].0 != ":authority" { block += literal(":authority", "x") }
        block += fields.flatMap { literal($0.0, $0.1) }
        session.send(Frame.headers, Frame.endHeaders | Frame.endStream, 1, block)
        #expect(session.server.delegate.refusals.count == 1 && session.exchanges.isEmpty)
        #expect(session.frames(of: 1).last?.endsStream == true)
    }
}
