// `TLSWire` is the buffer between OpenSSL and a connection's socket. All connections of a worker use the same buffer,
// and each connection leaves it empty for the next one.
import CertificateAuthority
import Testing
import Transport

@Suite struct TLSWireTests {
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

    @Test func oneWireServesConnectionsInTurn() throws {
        let wire = TLSWire()
        let pairs = try (0..<3).map { _ in
            Pair(try End(client: client, serverName: "localhost"), End(server: contexts, wire: wire))
        }
        // All three handshakes reach their middle before the first one continues, and use the same buffer.
        for pair in pairs {
            pair.client.take([])
            pair.server.take(pair.client.send())
            pair.client.take(pair.server.send())
        }
        for (index, pair) in pairs.enumerated() {
            pair.exchange()
            try #require(pair.isEstablished)
            #expect(pair.server.write([UInt8(index)]) == nil)
            pair.exchange()
            #expect(pair.client.received == [UInt8(index)])
        }
    }

    @Test func outputMemoryIsGivenBack() throws {
        let pair = try connect()
        #expect(pair.server.write(pattern(3 << 20)) == nil)
        #expect(pair.server.send().count > 3 << 20)
        #expect(pair.server.wire.output.isEmpty)
        #expect(pair.server.write([7]) == nil)
        #expect(!pair.server.wire.output.isEmpty)
    }
}
