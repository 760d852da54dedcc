// Requests that break the rules of HTTP/1.1, and the error responses to them.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP1ServerSessionRefusalsTests {
    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET /\r\n\r\n", 400), ("GET / HTTP/2.0\r\nhost: x\r\n\r\n", 505),
        ("G\u{1}T / HTTP/1.1\r\nhost: x\r\n\r\n", 400), ("POST / HTTP/1.1\r\nhost: x\r\nexpect: magic\r\n\r\n", 417),
        ("GET / HTTP/1.1\r\nhost: x\r\nx: \(String(repeating: "a", count: 40_000))\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nhost: x\r\n\(String(repeating: "a: b\r\n", count: 101))\r\n", 431),
        ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n", 400),
    ]) func whatBreaksTheRulesIsRefusedAndTheConnectionCloses(request: String, status: Int) throws {
        let server = try TestServer()
        server.say(request)
        #expect(server.takeText().hasPrefix("HTTP/1.1 \(status) "))
        #expect(server.delegate.refusals.map(\.status) == [status] && server.exchanges.isEmpty)
        #expect(server.peer.end == .closed)
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test(arguments: [
        "HEAD / HTTP/1.1\r\n\r\n", "\r\nHEAD / HTTP/2.0\r\nhost: x\r\n\r\n",
        "HEAD / HTTP/1.1\r\nhost: x\r\nexpect: magic\r\n\r\n",
    ]) func aRefusalOfHEADHasNoContent(request: String) throws {
        let server = try TestServer()
        server.say(request)
        let text = server.takeText()
        #expect(text.hasPrefix("HTTP/1.1 ") && text.hasSuffix("\r\n\r\n"))
        #expect(server.delegate.refusals.count == 1 && server.peer.end == .closed)
    }

    @Test func aRefusalComesAfterTheAnswersBeforeIt() throws {
        let server = try TestServer()
        server.say("GET /1 HTTP/1.1\r\nhost: x\r\n\r\nBAD\r\n\r\n")
        #expect(server.delegate.refusals.isEmpty)
        server.exchanges[0].answer("first")
        server.settle()
        let text = server.takeText()
        #expect(text.components("first") == 1 && text.components("HTTP/1.1 400 ") == 1 && server.peer.end == .closed)
    }

    @Test func aBodyThatBreaksTheRulesEndsItsRequest() throws {
        let server = try TestServer()
        server.say("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
        #expect(server.takeText().hasPrefix("HTTP/1.1 400 "))
        #expect(server.exchanges[0].left.count == 1)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aBodyThatBreaksTheRulesInsideItsAnswerCutsTheAnswer() throws {
        let server = try TestServer()
        server.delegate.onHead = {
            $0.respond()
            $0.send("begun")
        }
        server.say("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
        #expect(server.takeText().hasSuffix("5\r\nbegun\r\n") && server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }
}
