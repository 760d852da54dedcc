// A client's connection until its protocol is known.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ServerConnectionTests {
    @Test func theRequestBehindItIsServed() throws {
        let stage = LinePreamble()
        let server = try TestServer(preamble: stage)
        server.delegate.onEnd = { $0.answer("hello") }
        server.say("P 192.0")
        server.say(".2.1\nGET / HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.takeText().hasSuffix("hello") && stage.line == "P 192.0.2.1")
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func itHasNoMoreTimeThanTheFirstRequest() throws {
        let unfinished = try TestServer(preamble: LinePreamble())
        unfinished.say("P 192.0")
        unfinished.pass(11 * second)
        #expect(unfinished.peer.end == .closed && unfinished.takeText().isEmpty && unfinished.isFreed())
        let silent = try TestServer(preamble: LinePreamble())
        silent.pass(6 * second)
        silent.say("P 192.0.2.1\n")
        #expect(silent.peer.end == nil)
        silent.pass(5 * second)
        #expect(silent.peer.end == .closed && silent.takeText().isEmpty && silent.isFreed())
    }

    @Test func whatIsRefusedIsClosedWithoutAnAnswer() throws {
        let server = try TestServer(preamble: LinePreamble())
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.peer.end != nil && server.peer.received.isEmpty && server.exchanges.isEmpty)
        #expect(server.isFreed())
    }
}
