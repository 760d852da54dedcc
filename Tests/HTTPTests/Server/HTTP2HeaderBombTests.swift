// Tests HPACK bombs from a client: header blocks that decode to far more bytes than were sent. The server counts all
// blocks, and ends the connection before it has decoded much.
import HTTP
import LoopTesting
import Testing
import Transport

/// An HPACK header block that has a large field once in full, and then repeats it by one byte each time.
///
/// Decoded it is far larger: the field counts 4033 bytes each time (RFC 9113 section 6.5.2).
func bomb(_ times: Int, name: String = "x") -> [UInt8] {
    [0x40] + literal(name, String(repeating: "b", count: 4000)).dropFirst()
        + [UInt8](repeating: 0x80 | 62, count: times - 1)
}

@Suite struct HTTP2HeaderBombTests {
    private let enhanceYourCalm: UInt32 = 11
    private let whole = Frame.endHeaders | Frame.endStream

    private func expectCalm(_ session: HTTP2Session) {
        #expect(session.goAways.last == enhanceYourCalm && session.server.peer.end == .closed)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func trailersOfManyStreamsShareOneAllowance() throws {
        let session = try HTTP2Session()
        // Each header block decodes to 40,330 bytes, which is 7562 bytes more than the limit of 32 KiB.
        for index in 0..<50 where session.server.peer.end == nil {
            let id = UInt32(2 * index + 1)
            session.request(id, "POST", end: false)
            session.send(Frame.headers, whole, id, bomb(10))
        }
        #expect(session.exchanges.count == 5, "four times 7562 bytes of 32 KiB, and no fifth time")
        expectCalm(session)
    }

    /// The server ends the connection when a block that repeats one field exceeds twice the limit, and decodes no more
    /// of it.
    @Test func whatIsRepeatedEndsTheConnectionAtTwiceTheLimit() throws {
        for times in [15, 79, 900] {
            let session = try HTTP2Session()
            session.send(Frame.headers, whole, 1, HTTP2Session.head() + bomb(times))
            #expect((session.status(of: 1) == 431) == (times == 15) && session.exchanges.isEmpty)
            if times > 15 { expectCalm(session) }
        }
    }

    /// A header block without compression may reach ten times the limit before the server ends the connection, because
    /// it costs the client as many bytes as the server.
    @Test func whatIsSentInFullIsAnsweredUpToTenTimesTheLimit() throws {
        for (count, isAnswered) in [(79, true), (83, false)] {
            let session = try HTTP2Session()
            var rest = HTTP2Session.head(fields: (0..<count).map { ("a\($0)", String(repeating: "b", count: 4000)) })[
                ...
            ]
            var type = Frame.headers
            while !rest.isEmpty, session.server.peer.end == nil {
                let part = Array(rest.prefix(16_384))
                rest = rest.dropFirst(part.count)
                let flags = (rest.isEmpty ? Frame.endHeaders : 0) | (type == Frame.headers ? Frame.endStream : 0)
                session.send(type, flags, 1, part)
                type = Frame.continuation
            }
            #expect((session.status(of: 1) == 431) == isAnswered)
            if !isAnswered { expectCalm(session) }
        }
    }

    @Test func headsOfManyStreamsShareOneAllowance() throws {
        let session = try HTTP2Session()
        for index in 0..<50 where session.server.peer.end == nil {
            session.send(Frame.headers, whole, UInt32(2 * index + 1), HTTP2Session.head() + bomb(10))
        }
        #expect(session.status(of: 1) == 431 && session.exchanges.isEmpty)
        #expect(session.server.delegate.refusals.count == 4)
        expectCalm(session)
    }

    @Test func theAllowanceComesBackWithTime() throws {
        let session = try HTTP2Session()
        for index in 0..<30 {
            session.send(Frame.headers, whole, UInt32(2 * index + 1), HTTP2Session.head() + bomb(9))
            session.pass(second)
        }
        #expect(session.server.delegate.refusals.count == 30 && session.goAways.isEmpty)
    }

    @Test func fieldsAreCountedBesideBytes() throws {
        let session = try HTTP2Session()
        let many = HTTP2Session.head() + [UInt8](repeating: 0x80 | 19, count: 396)
        for index in 0..<50 where session.server.peer.end == nil {
            session.send(Frame.headers, whole, UInt32(2 * index + 1), many)
        }
        // Each head exceeds the limit by 300 fields. The server allows a connection only a limited excess in total, and
        // the third head exhausts it.
        #expect(session.server.delegate.refusals.count == 3)
        expectCalm(session)
    }

    @Test func proxiesOfOursHaveMoreOfIt() throws {
        let session = try HTTP2Session { $0.isTrusted = true }
        for index in 0..<40 {
            session.send(Frame.headers, whole, UInt32(2 * index + 1), HTTP2Session.head() + bomb(10))
        }
        #expect(session.server.delegate.refusals.count == 40 && session.goAways.isEmpty)
    }

    /// After an invalid field, nghttp2 decodes the rest of a header block without reporting its fields to the server.
    ///
    /// The server must count this too.
    @Test func aBlockThatTheLibraryIgnoresIsCounted() throws {
        let session = try HTTP2Session()
        var block = HTTP2Session.head(fields: [("Upper-Case", "x")]) + bomb(1)
        block += [UInt8](repeating: 0x80 | 62, count: 900)
        session.send(Frame.headers, whole, 1, block)
        #expect(session.reset(of: 1) == 1 && session.goAways.isEmpty)
        session.send(Frame.headers, whole, 3, block)
        expectCalm(session)
    }

    @Test func blocksOnClosedStreamsAreCounted() throws {
        let session = try HTTP2Session()
        session.request(1, "POST", end: false)
        session.send(Frame.windowUpdate, 0, 1, big(0x7fff_ffff))
        #expect(session.reset(of: 1) == 3, "we have reset it, and the client may not know yet")
        session.send(Frame.headers, Frame.endHeaders, 1, [UInt8](repeating: 0x80 | 19, count: 900))
        #expect(session.goAways.isEmpty)
        session.send(Frame.headers, Frame.endHeaders, 1, [UInt8](repeating: 0x80 | 19, count: 900))
        expectCalm(session)
    }

    @Test func smallBlocksOnClosedStreamsAreFramesThatAskForNothing() throws {
        let session = try HTTP2Session()
        session.request(1, "POST", end: false)
        session.send(Frame.windowUpdate, 0, 1, big(0x7fff_ffff))
        let late = Frame(type: Frame.headers, flags: Frame.endHeaders, stream: 1, payload: [0x80 | 19])
        let block = [[UInt8]](repeating: late.bytes, count: 100).flatMap { $0 }
        for _ in 0..<50 where session.server.peer.end == nil { session.send(block) }
        expectCalm(session)
    }

    @Test func changesOfTheTablesSizeAreCounted() throws {
        let session = try HTTP2Session()
        session.send(Frame.headers, whole, 1, [UInt8](repeating: 0x20, count: 1001) + HTTP2Session.head())
        #expect(session.exchanges.isEmpty)
        expectCalm(session)
    }

    @Test func largeTrailersAre431() throws {
        let session = try HTTP2Session()
        session.request(1, "POST", end: false)
        session.send(Frame.data, 0, 1, [65])
        session.send(Frame.headers, whole, 1, bomb(9))
        #expect(session.status(of: 1) == 431 && session.exchanges[0].left.count == 1)
        #expect(!session.exchanges[0].hasEnded && session.goAways.isEmpty)
        session.request(3, "POST", end: false)
        session.send(Frame.headers, whole, 3, literal("x-checksum", "1"))
        #expect(session.exchanges[1].hasEnded && session.reset(of: 3) == nil)
    }

    // MARK: The end of a session

    @Test func nothingIsReadAfterAGoAwayOfOurs() throws {
        let session = try HTTP2Session()
        for index in 0..<45 { session.request(UInt32(2 * index + 1)) }
        var bytes: [UInt8] = []
        for index in 45..<345 {
            let id = UInt32(2 * index + 1)
            bytes += Frame(type: Frame.headers, flags: whole, stream: id, payload: HTTP2Session.head()).bytes
            bytes += Frame(type: Frame.reset, flags: 0, stream: id, payload: big(8)).bytes
        }
        session.send(bytes)
        #expect(session.exchanges.count == 45 + 201)
        #expect(session.exchanges.allSatisfy { $0.left.count == 1 && $0.callsAfterEnd == 0 })
        let told = session.exchanges.prefix(45).map { reason($0.left.first) }
        #expect(told.allSatisfy { $0 == "HTTP/2: too many resets of streams" }, "\(told.first ?? nil)")
        #expect(session.exchanges.dropFirst(45).allSatisfy { reason($0.left.first) == nil }, "these left")
        let debug = session.frames.last { $0.type == Frame.goAway }?.payload.dropFirst(8)
        #expect(debug.map { String(decoding: $0, as: UTF8.self) } == "HTTP/2: too many resets of streams")
        expectCalm(session)
    }

    @Test func aFaultThatTheLibraryFindsIsTold() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.send(Frame.data, 0, 0, [1])
        #expect(session.goAways == [1])
        #expect(reason(session.exchanges[0].left.first) == "HTTP/2: the connection broke the protocol")
    }

    @Test func aStreamThatWeResetForItsClientsFaultIsTold() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.send(Frame.windowUpdate, 0, 1, big(0x7fff_ffff))
        #expect(reason(session.exchanges[0].left.first) == "HTTP/2: the stream broke the protocol")
    }

    private func reason(_ end: ClientEnd?) -> String? {
        if case .violation(let words)? = end { words.description } else { nil }
    }
}
