// Tests which frames an HTTP/2 connection sends in one turn of the event loop, and in which order.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2ServerSessionOutputTests {
    @Test func theLastDataAndItsEndAreOneFrame() throws {
        let session = try HTTP2Session()
        session.request(1, "POST")
        let exchange = session.exchanges[0]
        exchange.respond()
        exchange.send("data: 1\n\n")
        session.settle()
        #expect(session.body(of: 1) == Array("data: 1\n\n".utf8))
        _ = session.take()
        exchange.send("data: [DONE]\n\n")
        exchange.stream.finish()
        session.settle()
        #expect(
            session.take() == [
                Frame(type: Frame.data, flags: Frame.endStream, stream: 1, payload: Array("data: [DONE]\n\n".utf8))
            ]
        )
    }

    @Test func theTokensOfAllStreamsGoOutInOneWrite() throws {
        let session = try HTTP2Session()
        for index in 0..<50 { session.request(UInt32(2 * index + 1)) }
        for exchange in session.exchanges { exchange.respond() }
        session.settle()
        _ = session.take()
        for exchange in session.exchanges { exchange.send("token") }
        session.server.test.loop.turn(waitMax: 0)
        // Reads as many bytes as one write with all 50 tokens has. So the check fails if the server needs several.
        session.server.peer.poll(limit: 50 * 14)
        session.read()
        #expect(session.frames.count == 50 && session.frames.allSatisfy { $0.text == "token" })
        #expect(session.exchanges.allSatisfy { $0.moved == 1 })
    }

    private func order(_ fields: [(String, String)]) throws -> [UInt32] {
        let session = try HTTP2Session(settings: [0, 4, 0, 16, 0, 0])
        session.send(Frame.windowUpdate, 0, 0, big(8 << 20))
        for id in [UInt32(1), 3] { session.request(id, fields: fields) }
        for exchange in session.exchanges {
            exchange.respond()
            exchange.send([UInt8](repeating: 65, count: 200_000))
            exchange.stream.finish()
        }
        session.server.test.run(session.server.peer) { session.exchanges.allSatisfy { $0.finished == 1 } }
        session.settle()
        #expect(session.body(of: 1).count == 200_000 && session.body(of: 3).count == 200_000)
        return session.frames.filter { $0.type == Frame.data }.map(\.stream)
    }

    @Test func siblingsTakeTurnsUnlessTheClientSaysOtherwise() throws {
        let shared = try order([])
        #expect(Set(shared.prefix(4)) == [1, 3])
        let alone = try order([("priority", "u=3")])
        let first = alone.prefix { $0 == alone[0] }
        #expect(first.count > 8, "not incremental: one after the other")
        let urgent = try order([("priority", "u=1, i")])
        #expect(Set(urgent.prefix(4)) == [1, 3])
    }

    @Test func moreUrgentStreamsGoFirst() throws {
        let session = try HTTP2Session(settings: [0, 4, 0, 16, 0, 0])
        session.send(Frame.windowUpdate, 0, 0, big(8 << 20))
        session.request(1, fields: [("priority", "u=7, i")])
        session.request(3, fields: [("priority", "u=0, i")])
        for exchange in session.exchanges {
            exchange.respond()
            exchange.send([UInt8](repeating: 65, count: 100_000))
            exchange.stream.finish()
        }
        session.server.test.run(session.server.peer) { session.exchanges.allSatisfy { $0.finished == 1 } }
        session.settle()
        #expect(session.frames.first { $0.type == Frame.data }?.stream == 3)
    }

    @Test func oneFlushIsBoundedWhateverTheWindows() throws {
        let session = try HTTP2Session(receiveBuffer: 4096, settings: [0, 4, 0x7f, 0xff, 0xff, 0xff])
        session.send(Frame.windowUpdate, 0, 0, big(1 << 30))
        for index in 0..<20 { session.request(UInt32(2 * index + 1)) }
        for exchange in session.exchanges {
            exchange.respond()
            exchange.send([UInt8](repeating: 65, count: 1 << 20))
            exchange.stream.finish()
        }
        for _ in 0..<200 { session.server.test.loop.turn(waitMax: 0) }
        let backlog = try #require(session.server.channel).backlog
        #expect(backlog > 0 && backlog < 256 << 10)
        session.server.test.run(session.server.peer) { session.exchanges.allSatisfy { $0.finished == 1 } }
        session.settle()
        #expect(session.body(of: 39).count == 1 << 20)
    }
}
