// The upgrade of an HTTP/1.1 connection to HTTP/2.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP1ServerSessionUpgradeTests {
    private let switching = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n"

    private func upgrade(_ method: String, settings: String, body: String = "", _ server: TestServer) -> HTTP2Session {
        var head = "\(method) /up HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
        head += "http2-settings: \(settings)\r\n"
        if !body.isEmpty { head += "content-length: \(body.utf8.count)\r\n" }
        server.say(head + "\r\n")
        return HTTP2Session(upgrading: server)
    }

    @Test(arguments: [("GET", ""), ("POST", "{\"model\":1}")])
    func aRequestIsUpgradedOnceItIsWhole(method: String, body: String) throws {
        let server = try TestServer()
        let session = upgrade(method, settings: "AAMAAABkAAQAAP__", body: body, server)
        if !body.isEmpty {
            #expect(server.exchanges.isEmpty && server.peer.received.isEmpty, "not before the body is there")
            server.say(body)
        }
        #expect(server.peer.text.hasPrefix(switching))
        server.peer.received.removeFirst(switching.utf8.count)
        session.send(HTTP2Preface.bytes + Frame(type: Frame.settings, flags: 0, stream: 0, payload: []).bytes)
        session.acknowledge()
        #expect(session.frames.first?.type == Frame.settings)
        try #require(server.exchanges.count == 1)
        #expect(server.exchanges[0].text == body && server.exchanges[0].hasEnded)
        #expect(server.exchanges[0].head.version == .http2)
        // The time exceeds the idle deadline, but the open stream keeps the connection.
        session.pass(100 * second)
        server.exchanges[0].answer("over http2")
        session.settle()
        #expect(session.status(of: 1) == 200 && session.body(of: 1) == Array("over http2".utf8))
        session.request(3)
        #expect(server.exchanges.count == 2 && session.goAways.isEmpty)
        server.peer.close()
        #expect(server.isFreed())
    }

    // Malformed base64url; ENABLE_PUSH 2; INITIAL_WINDOW_SIZE above 2^31-1; MAX_FRAME_SIZE 0.
    @Test(arguments: ["A", "AAIAAAAC", "AAT_____", "AAUAAAAA"])
    func badSettingsMeanThatTheUpgradeIsIgnored(settings: String) throws {
        let server = try TestServer()
        server.delegate.onEnd = { $0.answer("over http1") }
        _ = upgrade("GET", settings: settings, server)
        #expect(server.takeText() == "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nover http1")
    }

    @Test func anUpgradeMayBeSwitchedOff() throws {
        let server = try TestServer { $0.upgradesToHTTP2 = false }
        server.delegate.onEnd = { $0.answer("x") }
        _ = upgrade("GET", settings: "AAMAAABk", server)
        #expect(server.takeText().hasPrefix("HTTP/1.1 200 "))
    }

    @Test func anUpgradeWhoseBodyDoesNotComeIs408() throws {
        let server = try TestServer()
        _ = upgrade("POST", settings: "AAMAAABk", body: "never", server)
        server.pass(11 * second)
        #expect(server.takeText().hasPrefix("HTTP/1.1 408 ") && server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }
}
