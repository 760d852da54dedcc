// How an old process ends its connections after an upgrade: no request is lost, and no response is cut off.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ConnectionDrainTests {
    private let get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    private let last = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlast"

    /// A server whose client has sent one request, has its response, and keeps the connection.
    private func idle() throws -> TestServer {
        let server = try TestServer()
        server.say(get)
        server.exchanges[0].answer("one")
        server.settle()
        #expect(server.takeText() == "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none")
        return server
    }

    // MARK: HTTP/1.1

    @Test func anIdleConnectionServesItsNextRequestAndCloses() throws {
        let server = try idle()
        server.connection?.drain(.handedOver)
        server.pass(60 * second)
        #expect(server.peer.end == nil)
        server.say(get)
        server.exchanges[1].answer("last")
        server.settle()
        #expect(server.takeText() == last && server.peer.end == .closed)
        // A request that the client sends after the last response is dropped, and causes no TCP reset.
        server.peer.send(get)
        server.pass(4 * second)
        #expect(server.exchanges.count == 2 && server.connection != nil)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func anIdleConnectionWithoutAnotherRequestClosesAtItsUsualTime() throws {
        let server = try idle()
        server.connection?.drain(.handedOver)
        server.pass(74 * second)
        #expect(server.peer.end == nil)
        server.pass(2 * second)
        #expect(server.peer.end == .closed && server.takeText().isEmpty)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aResponseThatHasNotBegunSaysThatItIsTheLast() throws {
        let server = try TestServer()
        server.say(get + get)
        server.connection?.drain(.handedOver)
        server.settle()
        server.exchanges[0].answer("last")
        server.settle()
        #expect(server.takeText() == last && server.peer.end == .closed)
        #expect(server.exchanges.count == 1, "the client may send the second request again")
        server.peer.close()
        #expect(server.isFreed())
    }

    /// The drain begins after the head of a response, which did not announce that the connection closes.
    ///
    /// So the client may still send its next request.
    @Test(arguments: [true, false]) func aResponseUnderWayIsNotTheLast(isPipelined: Bool) throws {
        let server = try TestServer()
        server.say(get)
        server.exchanges[0].respond()
        server.settle()
        #expect(!server.takeText().contains("connection: close"))
        server.connection?.drain(.handedOver)
        if isPipelined { server.say(get) }
        server.exchanges[0].send("end")
        server.exchanges[0].stream.finish()
        server.settle()
        #expect(server.takeText() == "3\r\nend\r\n0\r\n\r\n" && server.peer.end == nil)
        if !isPipelined { server.say(get) }
        server.exchanges[1].answer("last")
        server.settle()
        #expect(server.takeText() == last && server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test(arguments: ["", "GE"]) func aNewConnectionHasItsUsualTimeForTheFirstRequest(already: String) throws {
        let server = try TestServer()
        server.say(already)
        server.connection?.drain(.handedOver)
        server.pass(9 * second)
        #expect(server.peer.end == nil)
        server.say(String(get.dropFirst(already.utf8.count)))
        server.exchanges[0].answer("last")
        server.settle()
        #expect(server.takeText() == last && server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
        let silent = try TestServer()
        silent.connection?.drain(.handedOver)
        silent.pass(11 * second)
        #expect(silent.peer.end == .closed && silent.takeText().isEmpty)
        silent.peer.close()
        #expect(silent.isFreed())
    }

    /// The client has 5 s to close, and another 5 s if its kernel delays the acknowledgment of the FIN.
    @Test func aClientThatDoesNotCloseIsNotWaitedForLong() throws {
        let server = try TestServer()
        server.connection?.drain(.handedOver)
        server.say(get)
        server.exchanges[0].answer("last")
        server.settle()
        #expect(server.takeText() == last && server.peer.end == .closed)
        server.pass(4 * second)
        #expect(server.connection != nil)
        server.pass(2 * second)
        server.pass(5 * second)
        #expect(server.isFreed())
    }

    @Test func whenTheServerEndsAnIdleConnectionClosesAtOnce() throws {
        let server = try idle()
        server.connection?.drain(.handedOver)
        server.connection?.drain(.stopping)
        server.settle()
        #expect(server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }

    // MARK: The upgrade to HTTP/2

    private let upgrade = """
        POST / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r
        http2-settings: AAMAAABkAAQAAP__\r\ncontent-length: 2\r\n\r\n
        """

    @Test(arguments: [ConnectionDrain.stopping, .handedOver])
    func anUpgradeUnderWayIsCarriedOut(drain: ConnectionDrain) throws {
        let server = try TestServer()
        server.say(upgrade + "o")
        server.connection?.drain(drain)
        server.say("k")
        let switching = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n"
        #expect(server.peer.text.hasPrefix(switching))
        server.peer.received.removeFirst(switching.utf8.count)
        let session = HTTP2Session(upgrading: server)
        session.send(HTTP2Preface.bytes + Frame(type: Frame.settings, flags: 0, stream: 0, payload: []).bytes)
        session.acknowledge()
        try #require(server.exchanges.count == 1)
        #expect(server.exchanges[0].text == "ok")
        server.exchanges[0].answer("over http2")
        session.settle()
        #expect(session.body(of: 1) == Array("over http2".utf8))
        session.pass(2 * second)
        #expect(session.goAways == [0, 0] && server.peer.end == .closed)
        server.peer.close()
        #expect(server.isFreed())
    }

    @Test func aLaterUpgradeIsIgnored() throws {
        let server = try TestServer()
        server.connection?.drain(.handedOver)
        server.say(upgrade + "ok")
        server.exchanges[0].answer("last")
        server.settle()
        #expect(server.takeText() == last && server.peer.end == .closed)
    }

    // MARK: HTTP/2

    /// Expects two GOAWAY frames: the first announces the shutdown but still allows all streams, the second names
    /// `lastStream`.
    private func expectEnd(of session: HTTP2Session, lastStream: UInt32) {
        let lasts = session.frames.filter { $0.type == Frame.goAway }.map(\.word)
        #expect(lasts == [0x7fff_ffff, lastStream])
        #expect(session.goAways == [0, 0])
    }

    @Test func aConnectionWithStreamsIsToldWhenTheyAreOver() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.server.connection?.drain(.handedOver)
        session.pass(3000 * second)
        #expect(session.goAways.isEmpty, "nothing new begins, so there is nothing to tell")
        session.exchanges[0].answer("one")
        session.settle()
        #expect(session.body(of: 1) == Array("one".utf8) && session.goAways == [0])
        session.request(3)
        #expect(session.exchanges.count == 2, "served until the final GOAWAY")
        session.pass(2 * second)
        expectEnd(of: session, lastStream: 3)
        session.request(5)
        #expect(session.exchanges.count == 2 && session.server.peer.end == nil)
        session.exchanges[1].answer("two")
        session.settle()
        #expect(session.body(of: 3) == Array("two".utf8) && session.server.peer.end == .closed)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func anIdleConnectionIsToldAtOnce() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.exchanges[0].answer("one")
        session.settle()
        session.server.connection?.drain(.handedOver)
        session.settle()
        #expect(session.goAways == [0] && session.server.peer.end == nil)
        session.pass(2 * second)
        expectEnd(of: session, lastStream: 1)
        #expect(session.server.peer.end == .closed)
        // The client sends a request before it has read the final GOAWAY. The server drops it, and sends no TCP reset.
        session.request(3)
        session.pass(4 * second)
        #expect(session.exchanges.count == 1 && session.server.connection != nil)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func aConnectionWithoutAStreamYetIsToldAfterItsFirst() throws {
        let session = try HTTP2Session()
        session.server.connection?.drain(.handedOver)
        session.pass(30 * second)
        session.request(1)
        session.pass(30 * second)
        #expect(session.goAways.isEmpty)
        session.exchanges[0].answer("one")
        session.settle()
        #expect(session.goAways == [0] && session.server.peer.end == nil)
        session.pass(2 * second)
        expectEnd(of: session, lastStream: 1)
        #expect(session.server.peer.end == .closed)
    }

    @Test func aConnectionOnWhichStreamsGoOnToBeginIsToldInTime() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.server.connection?.drain(.handedOver)
        session.pass(60 * second)
        session.request(3)
        session.pass(second)
        session.request(5)
        session.pass(second / 2)
        #expect(session.goAways.isEmpty)
        session.pass(second / 2)
        #expect(session.goAways == [0])
        session.request(7)
        session.pass(2 * second)
        expectEnd(of: session, lastStream: 7)
        for exchange in session.exchanges { exchange.answer("x") }
        session.settle()
        #expect(session.body(of: 7) == [UInt8(ascii: "x")] && session.server.peer.end == .closed)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func whenTheServerEndsAConnectionWithStreamsIsToldAtOnce() throws {
        let session = try HTTP2Session()
        session.request(1)
        session.server.connection?.drain(.handedOver)
        session.server.connection?.drain(.stopping)
        session.settle()
        #expect(session.goAways == [0])
        session.exchanges[0].answer("one")
        session.pass(2 * second)
        expectEnd(of: session, lastStream: 1)
        #expect(session.server.peer.end == .closed)
    }

    /// The client does not read, so the final GOAWAY has to wait, and names the streams that began in the meantime.
    @Test func theFinalGoAwayNamesEveryStreamThatBegan() throws {
        // The client sets SETTINGS_INITIAL_WINDOW_SIZE (4) to 16 MiB, so that flow control does not stop the response.
        let session = try HTTP2Session(receiveBuffer: 4096, settings: [0, 4, 1, 0, 0, 0])
        session.send(Frame.windowUpdate, 0, 0, [1, 0, 0, 0])
        session.request(1)
        let exchange = session.exchanges[0]
        exchange.respond()
        let loop = session.server.test.loop
        for _ in 0..<64 {
            exchange.send([UInt8](repeating: 120, count: 256 << 10))
            loop.turn(waitMax: 0)
        }
        session.server.connection?.drain(.stopping)
        for _ in 0..<3 {
            session.server.test.clock.advance(by: second)
            loop.turn(waitMax: 0)
        }
        let flags = Frame.endHeaders | Frame.endStream
        let request = Frame(type: Frame.headers, flags: flags, stream: 3, payload: HTTP2Session.head())
        session.server.peer.send(request.bytes)
        for _ in 0..<4 { loop.turn(waitMax: 0) }
        #expect(session.exchanges.count == 2 && session.goAways.isEmpty)
        exchange.stream.finish()
        session.exchanges[1].answer("two")
        session.server.test.run(session.server.peer) { session.server.peer.end != nil }
        session.read()
        #expect(session.frames.last { $0.type == Frame.goAway }?.word == 3)
        #expect(session.body(of: 1).count == 16 << 20 && session.body(of: 3) == Array("two".utf8))
    }
}
