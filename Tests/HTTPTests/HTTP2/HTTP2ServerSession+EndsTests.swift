// Tests how an HTTP/2 connection begins after an upgrade from HTTP/1.1, and how it ends: by draining, when it is idle,
// or when the client closes it.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2ServerSessionEndsTests {
    @Test func drainingIsAnnouncedThenFinalThenTheEnd() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.server.connection?.drain()
        session.settle()
        let notice = try #require(session.frames.first { $0.type == Frame.goAway })
        #expect(notice.word == 0x7fff_ffff && notice.goAwayCode == 0)
        session.request(3)
        #expect(session.exchanges.count == 2, "what was on its way is served")
        session.pass(2 * second)
        let final = try #require(session.frames.last { $0.type == Frame.goAway })
        #expect(final.word == 3 && final.goAwayCode == 0)
        session.request(5)
        #expect(session.exchanges.count == 2)
        session.exchanges[0].answer("one")
        session.settle()
        #expect(session.server.peer.end == nil)
        session.exchanges[1].answer("two")
        session.settle()
        #expect(session.body(of: 3) == Array("two".utf8) && session.server.peer.end == .closed)
        #expect(session.exchanges.allSatisfy { $0.finished == 1 })
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func anIdleConnectionDrainsByItself() throws {
        let session = try HTTP2Session()
        session.server.connection?.drain()
        session.pass(2 * second)
        #expect(session.goAways == [0, 0] && session.server.peer.end == .closed)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func anIdleConnectionEndsInOrderAndABusyOneDoesNot() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.pass(500 * second)
        #expect(session.goAways.isEmpty)
        session.exchanges[0].answer("x")
        session.settle()
        session.pass(74 * second)
        #expect(session.goAways.isEmpty)
        session.pass(2 * second)
        #expect(session.goAways == [0] && session.server.peer.end == .closed)
    }

    @Test func aClientThatGoesEndsAllItsStreams() throws {
        let session = try HTTP2Session()
        for id in [UInt32(1), 3, 5] { session.request(id) }
        session.exchanges[1].respond()
        session.exchanges[1].send("part")
        session.settle()
        session.server.peer.reset()
        #expect(session.server.test.run { session.exchanges.allSatisfy { $0.left.count == 1 } })
        #expect(session.server.isFreed())
    }

    @Test func aServerThatClosesInsideACallOfTheSessionIsSafe() throws {
        let session = try HTTP2Session()
        session.server.delegate.onHead = { [weak session] _ in session?.server.connection?.close(.edge) }
        let request = Frame(
            type: Frame.headers,
            flags: Frame.endHeaders | Frame.endStream,
            stream: 1,
            payload: HTTP2Session.head()
        )
        var next = request
        next.stream = 3
        session.send(request.bytes + next.bytes)
        #expect(session.exchanges.count == 1 && session.exchanges[0].left.count == 1)
        #expect(session.server.isFreed())
    }

    @Test func aBadPrefaceOrAConnectionErrorIsAnsweredAndEnds() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.send(Frame.data, 0, 0, [1])
        #expect(session.goAways == [1] && session.server.peer.end == .closed)
        guard case .violation? = session.exchanges[0].left.first else {
            Issue.record("the stream was not told why")
            return
        }
    }

    @Test func aConnectionWhoseRequestsGoOnBeingRefusedEndsAfterItsStreams() throws {
        let session = try HTTP2Session()
        session.request(1)
        for index in 1...51 {
            #expect(session.goAways.isEmpty)
            session.request(UInt32(2 * index + 1))
            session.exchanges[index].stream.countRefusal()
            session.exchanges[index].answer("no", status: 429)
            session.settle()
        }
        #expect(session.goAways == [11] && session.body(of: 103) == Array("no".utf8))
        session.request(105)
        #expect(session.exchanges.count == 52 && session.server.peer.end == nil)
        session.exchanges[0].answer("one")
        session.settle()
        #expect(session.body(of: 1) == Array("one".utf8) && session.server.peer.end == .closed)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func aConnectionOfManyUsersOutlivesRefusals() throws {
        let session = try HTTP2Session { $0.isTrusted = true }
        for index in 0..<60 {
            session.request(UInt32(2 * index + 1))
            session.exchanges[index].stream.countRefusal()
            session.exchanges[index].answer("no", status: 429)
        }
        #expect(session.goAways.isEmpty && session.exchanges.count == 60)
    }
}
