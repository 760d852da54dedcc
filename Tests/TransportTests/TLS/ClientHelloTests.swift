// Whether a ClientHello offers to resume a session, told from its first bytes.
import CertificateAuthority
import LoopTesting
import Testing

@testable import Transport

private func offersResumption(_ bytes: some Sequence<UInt8>) -> Bool { ClientHello.offersResumption(Array(bytes).span) }

@Suite struct ClientHelloTests {
    private let directory = TemporaryDirectory()

    /// The ClientHellos of a first connection, and of one that resumes it.
    private func hellos(version: Int) throws -> (first: [UInt8], again: [UInt8]) {
        let made = try directory.certificate(["localhost"])
        let contexts = try TLSContext.server(certificates: [made.files], ticketKeys: makeTicketKeys())
        let context = try TLSContext.client(caFile: made.ca, verify: true, alpn: ["h2"])
        context.setVersionsForTest(minimum: version, maximum: version)
        let client = try End(client: context, serverName: "localhost")
        client.take([])
        let first = client.send()
        let server = End(server: contexts)
        server.take(first)
        client.take(server.send())
        server.take(client.send())
        client.take(server.send())
        let again = try End(client: context, serverName: "localhost", resuming: client.connection.session)
        again.take([])
        return (first, again.send())
    }

    /// A ClientHello that offers to resume a session is recognized.
    ///
    /// TLS 1.2 and TLS 1.3 use different extensions for it.
    @Test(arguments: [0x0303, 0x0304]) func aResumptionIsRecognized(version: Int) throws {
        let (first, again) = try hellos(version: version)
        #expect(!offersResumption(first) && offersResumption(again))
        // A beginning of the ClientHello that is long enough shows that it offers a resumption; a shorter one does not.
        let seen = (0...again.count).map { offersResumption(again[..<$0]) }
        #expect(seen == seen.sorted { !$0 && $1 } && seen.last == true && seen.first == false)
        #expect((0...first.count).allSatisfy { !offersResumption(first[..<$0]) })
    }

    @Test func whatIsNoClientHelloOffersNothing() throws {
        let (_, again) = try hellos(version: 0x0304)
        for index in [0, 5] {
            var other = again
            other[index] ^= 1
            #expect(!offersResumption(other))
        }
        #expect(!offersResumption(Array("GET / HTTP/1.1\r\nhost: example.com\r\n\r\n".utf8)))
    }

    /// The search for extensions ends and does not trap, even if lengths in the ClientHello are false.
    @Test(arguments: 0..<20) func damagedBytesEndTheSearch(seed: UInt64) throws {
        let (_, again) = try hellos(version: 0x0304)
        var random = SplitMix(state: seed)
        var offers = 0
        for _ in 0..<500 {
            var damaged = again
            for _ in 0..<3 {
                damaged[Int.random(in: 6..<again.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            if offersResumption(damaged[..<Int.random(in: 0...again.count, using: &random)]) {
                offers += 1
            }
        }
        #expect(offers < 500)
    }
}
