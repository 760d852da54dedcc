// TLS connections after the handshake, and peers that send invalid bytes.

import CertificateAuthority
import Testing
import Transport

@Suite struct TLSConnectionTests {
    let directory = TemporaryDirectory()
    let contexts: TLSServerContexts
    let client: TLSContext

    init() throws {
        let certificate = try directory.certificate(["localhost"])
        contexts = try TLSContext.server(certificates: [certificate.files], ticketKeys: makeTicketKeys())
        client = try TLSContext.client(caFile: certificate.ca, verify: true, alpn: ["h2"])
    }

    func connect() throws -> Pair {
        let pair = try Pair(client, contexts, serverName: "localhost")
        try #require(pair.isEstablished)
        return pair
    }

    @Test(arguments: [0x0303, 0x0304]) func largeWritesArriveIntact(version: Int) throws {
        client.setVersionsForTest(minimum: version, maximum: version)
        let pair = try connect()
        let body = pattern(1 << 20)
        #expect(pair.server.write(body) == nil)
        #expect(pair.server.wire.output.count > body.count)
        #expect(pair.client.write(body) == nil)
        pair.exchange()
        #expect(pair.client.received == body && pair.server.received == body)
    }

    @Test func ciphertextMayComeByteByByte() throws {
        let pair = Pair(try End(client: client, serverName: "localhost"), End(server: contexts))
        pair.pieceSize = 1
        pair.client.take([])
        pair.exchange()
        #expect(pair.isEstablished)
        let body = pattern(40_000)
        #expect(pair.server.write(body) == nil)
        #expect(pair.client.write(body) == nil)
        pair.exchange()
        #expect(pair.client.received == body && pair.server.received == body)
    }

    @Test func bytesComeBeforeTheCloseThatFollowsThem() throws {
        let pair = try connect()
        #expect(pair.server.write([1, 2, 3]) == nil)
        pair.server.connection.shutdown()
        let said = pair.server.wire.output.count
        pair.server.connection.shutdown()
        #expect(pair.server.wire.output.count == said)
        pair.exchange()
        #expect(pair.client.received == [1, 2, 3] && pair.client.isClosed && pair.client.failure == nil)
        // close_notify ends one direction only: the client may still write.
        #expect(pair.client.write([4]) == nil)
        pair.exchange()
        #expect(pair.server.received == [4] && !pair.server.isClosed)
    }

    @Test func garbageInARecordIsAnAlert() throws {
        let pair = try connect()
        #expect(pair.client.write([1, 2, 3]) == nil)
        var record = pair.client.send()
        record[record.count - 1] ^= 1
        pair.server.take(record)
        #expect(pair.server.failure?.kind == .record)
        #expect(pair.server.wire.unreadCount == 0)
        #expect(pair.server.write([1]) == pair.server.failure)
        pair.exchange()
        #expect(pair.client.failure?.reason.contains("bad record mac") == true)
        pair.server.take(pattern(100))
        #expect(pair.server.failure?.kind == .record && pair.server.wire.unreadCount == 0)
    }

    @Test func bytesComeBeforeTheFailureThatFollowsThem() throws {
        let pair = try connect()
        #expect(pair.client.write([1, 2, 3]) == nil)
        pair.server.take(pair.client.send() + [23, 3, 3, 0, 32] + pattern(32))
        #expect(pair.server.received == [1, 2, 3] && pair.server.failure?.kind == .record)
    }

    @Test func garbageForAHelloIsAnAlert() {
        let server = End(server: contexts)
        server.take([22, 3, 1, 0, 64] + [1, 0, 0, 60] + pattern(60))
        #expect(server.failure?.kind == .handshake)
        #expect(server.wire.output.first == 21)
    }

    @Test func garbageNeverCrashes() {
        let noise = pattern(64_000)
        for start in stride(from: 0, to: 60_000, by: 997) {
            let server = End(server: contexts)
            server.take(Array(noise[start..<(start + 300)]))
            server.take(Array(noise[start..<(start + 300)]))
            server.connection.shutdown()
            #expect(!server.isEstablished)
        }
    }

    @Test func requestInClearIsRecognised() {
        let server = End(server: contexts)
        server.take(Array("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".utf8))
        #expect(server.failure?.kind == .plainHTTP)
    }

    @Test func keyUpdatesAreAnsweredUntilTheyFlood() throws {
        let pair = try connect()
        pair.client.connection.updateKeysForTest()
        #expect(pair.client.write([1]) == nil)
        pair.exchange()
        #expect(pair.server.received == [1] && pair.server.connection.keyUpdateCount == 1)
        for _ in 0..<100 { pair.client.connection.updateKeysForTest() }
        pair.server.take(pair.client.send())
        #expect(pair.server.failure?.kind == .keyUpdateFlood)
        #expect(pair.server.connection.keyUpdateCount < 40)
    }
}
