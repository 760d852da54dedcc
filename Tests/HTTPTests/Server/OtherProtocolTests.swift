// Clients that speak another protocol than the listener: it is reported, and HTTP on a TLS port gets a response.
import CertificateAuthority
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct OtherProtocolTests {
    @Test(arguments: [
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0", OtherProtocol.tls), ("\u{16}", .tls),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n", .proxy),
        ("PROXY UNKNOWN\r\n", .proxy), ("\r\n\r\n\0\r\nQUIT\n\u{21}", .proxy), ("SSH-2.0-x\r\n", .unknown),
    ])
    func whatIsNotHTTPIsTold(text: String, what: OtherProtocol) throws {
        let server = try TestServer()
        server.say(text)
        #expect(server.delegate.others == [what])
        #expect(server.takeText().isEmpty && server.peer.end != nil && server.delegate.refusals.isEmpty)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test(arguments: ["GET\r\n", "\r\nGET / HTTP/1.1\r\n x\r\n", "\r\nnonsense HTTP/1.1\r\n", "\r\n\r\nGET  /\r\n"])
    func aBadRequestIsAnsweredAlsoAfterEmptyLines(text: String) throws {
        let server = try TestServer()
        server.say(text)
        #expect(server.takeText().hasPrefix("HTTP/1.1 400 ") && server.delegate.others.isEmpty)
    }

    @Test func aListenerWithoutHTTP2TakesNoPreface() throws {
        let server = try TestServer { $0.speaksHTTP2 = false }
        server.peer.send(HTTP2Preface.bytes)
        server.settle()
        #expect(server.takeText().hasPrefix("HTTP/1.1 505 ") && server.peer.end == .closed)
    }

    @Test func httpToAPortWithTLSIsTold400() throws {
        let test = TestLoop()
        let made = try makeDevelopmentCertificates(in: temporaryDirectory(), names: ["localhost"])
        let contexts = try TLSContext.server(certificates: [made.files], ticketKeys: TicketKeys { 0 })
        let delegate = TestDelegate()
        weak var connection: ServerConnection?
        let (socket, peer) = try test.tcp()
        let address = Sockets.localAddress(of: socket)!
        let tls = TLSConnection.server(in: contexts, wire: test.loop.wire)
        let channel = try Channel.accept(socket, peer: address, loop: test.loop, tls: tls)
        let made2 = ServerConnection(
            channel: channel,
            settings: ServerSettings(),
            environment: HTTP2Environment(),
            delegate: delegate
        )
        made2.start()
        connection = made2
        peer.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        test.settle(peer)
        #expect(peer.text.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && peer.text.contains("speaks HTTPS"))
        #expect(peer.end == .closed && delegate.others == [.http] && connection != nil)
        peer.close()
        test.settle(peer)
        #expect(delegate.ended == 1)
    }
}
