// How HTTP/1.1 connections end: refusals, deadlines, clients that close, incomplete responses, draining.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP1EndingTests {
    @Test func anEarlyAnswerClosesAfterwardsAndLingers() throws {
        let server = try TestServer()
        server.delegate.onHead = { $0.answer("too large", status: 413) }
        server.say("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
        #expect(
            server.takeText()
                == "HTTP/1.1 413 Content Too Large\r\ncontent-length: 9\r\nconnection: close\r\n\r\ntoo large"
        )
        #expect(server.peer.end == .closed)
        // The client sends on. The server reads and drops the bytes, so that no reset destroys the response on its
        // way.
        for _ in 0..<10 {
            #expect(server.peer.send([UInt8](repeating: 65, count: 50_000)) == 50_000)
            server.settle()
        }
        #expect(server.exchanges[0].body.isEmpty && server.exchanges[0].finished == 1)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aHeadThatDoesNotComeIs408AndSilenceIsAClose() throws {
        let slow = try TestServer()
        slow.say("GET / HTTP/1.1\r\nhos")
        slow.pass(11 * second)
        #expect(slow.takeText().hasPrefix("HTTP/1.1 408 ") && slow.peer.end == .closed)
        slow.peer.close()
        #expect(slow.isFreed())
        let silent = try TestServer()
        silent.pass(11 * second)
        #expect(silent.peer.end == .closed && silent.takeText().isEmpty)
        #expect(silent.isFreed())
    }

    @Test func dripsDoNotExtendTheHeadsDeadline() throws {
        let server = try TestServer()
        for byte in "GET / HTTP/1.1\r\nx: aaaaaaaaaaaaaaaaaaaa".utf8 {
            server.peer.send([byte])
            server.pass(second)
            if server.peer.end != nil { break }
        }
        #expect(server.peer.text.hasPrefix("HTTP/1.1 408 "))
    }

    @Test func anIdleConnectionClosesAndABusyOneDoesNot() throws {
        let server = try TestServer()
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        server.pass(1000 * second)
        #expect(server.peer.end == nil)
        server.exchanges[0].answer("late")
        server.settle()
        server.pass(74 * second)
        #expect(server.peer.end == nil)
        server.pass(2 * second)
        #expect(server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aFINWhileAnAnswerIsOwedIsAClientThatLeft() throws {
        let server = try TestServer()
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        server.exchanges[0].respond()
        server.exchanges[0].send("part")
        server.settle()
        server.peer.shutdown()
        server.settle()
        #expect(server.exchanges[0].left.count == 1 && server.exchanges[0].stream.isClosed)
        server.exchanges[0].send("into the void")
        server.exchanges[0].stream.finish()
        #expect(server.isFreed())
    }

    @Test func drainingEndsAfterTheAnswerUnderWay() throws {
        let server = try TestServer()
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n")
        server.connection?.drain()
        server.settle()
        #expect(server.peer.end == nil)
        server.exchanges[0].answer("last")
        server.settle()
        #expect(server.takeText() == "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlast")
        #expect(server.peer.end == .closed && server.exchanges.count == 1)
        server.peer.close()
        #expect(server.isFreed())
        let idle = try TestServer()
        idle.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        idle.exchanges[0].answer("one")
        idle.say("GE")
        idle.connection?.drain()
        idle.settle()
        #expect(idle.peer.end == .closed)
        idle.peer.close()
        #expect(idle.isFreed())
    }

    /// The first request may already be on its way to a draining server, so it is served, and then the connection
    /// closes.
    @Test(arguments: [
        ("", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"), ("GE", "T / HTTP/1.1\r\nhost: x\r\n\r\n"),
        ("P", "OST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"),
    ]) func drainingWaitsForTheFirstRequestOfAConnection(already: String, later: String) throws {
        let server = try TestServer()
        server.say(already)
        server.connection?.drain()
        server.pass(second / 2)
        #expect(server.peer.end == nil)
        server.say(later)
        server.exchanges[0].answer("last")
        server.settle()
        #expect(server.takeText() == "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlast")
        #expect(server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test(arguments: ["", "P", "GE", "POST / HTTP/1.1\r\nhost: x\r\n"])
    func drainingWaitsNotLongForTheFirstRequest(already: String) throws {
        let server = try TestServer()
        server.say(already)
        server.connection?.drain()
        server.pass(second / 2)
        #expect(server.peer.end == nil)
        server.pass(second * 3 / 4)
        #expect(server.peer.end == .closed && server.exchanges.isEmpty)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func closingInsideACallIsSafe() throws {
        let server = try TestServer()
        server.delegate.onEnd = { [weak server] _ in server?.connection?.close(.edge) }
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.exchanges.count == 1 && server.exchanges[0].left.count == 1)
        #expect(server.isFreed())
    }
}
