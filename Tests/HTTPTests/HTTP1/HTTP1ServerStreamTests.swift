// How an HTTP/1 response is framed, and how a client can tell that a response is incomplete.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP1ServerStreamTests {
    @Test func aBrokenAnswerHasNoLastChunk() throws {
        let server = try TestServer()
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        server.exchanges[0].respond()
        server.exchanges[0].send("data: error\n\n")
        server.exchanges[0].stream.abort()
        server.settle()
        #expect(server.takeText().hasSuffix("d\r\ndata: error\n\n\r\n") && server.peer.end == .closed)
        #expect(server.exchanges[0].left.isEmpty && server.exchanges[0].finished == 0)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aLengthThatIsNotKeptIsABrokenAnswer() throws {
        let server = try TestServer()
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n")
        server.exchanges[0].respond(length: 10)
        server.exchanges[0].send("short")
        server.exchanges[0].stream.finish()
        server.settle()
        #expect(server.takeText().hasSuffix("short") && server.peer.end == .closed && server.exchanges.count == 1)
    }

    @Test func aBrokenHTTP10AnswerIsAReset() throws {
        let server = try TestServer()
        server.say("GET / HTTP/1.0\r\n\r\n")
        server.exchanges[0].respond()
        server.exchanges[0].send("part")
        server.settle()
        server.exchanges[0].stream.abort()
        server.settle()
        #expect(server.peer.end == .reset)
        #expect(server.isFreed())
    }

    private static let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"

    @Test func aConnectionWhoseRequestsGoOnBeingRefusedCloses() throws {
        let server = try TestServer()
        server.delegate.onEnd = {
            $0.stream.countRefusal()
            $0.answer("no", status: 429)
        }
        for _ in 0..<50 {
            server.say(Self.request)
            #expect(!server.takeText().contains("connection: close"))
        }
        server.pass(second)
        for _ in 0..<5 {
            server.say(Self.request)
            #expect(!server.takeText().contains("connection: close"), "5 refusals a second are tolerated")
        }
        server.say(Self.request)
        #expect(server.takeText().contains("connection: close\r\n") && server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aConnectionOfManyUsersOutlivesRefusals() throws {
        let server = try TestServer { $0.isTrusted = true }
        server.delegate.onEnd = {
            $0.stream.countRefusal()
            $0.answer("no", status: 429)
        }
        for _ in 0..<60 { server.say(Self.request) }
        #expect(!server.takeText().contains("connection: close") && server.exchanges.count == 60)
    }
}
