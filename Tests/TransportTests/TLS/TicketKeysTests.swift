// TLS session tickets: resumption on another worker, and the rotation of the ticket keys.

import CertificateAuthority
import Testing
import Transport

@Suite struct TicketKeysTests {
    let directory = TemporaryDirectory()
    let clock = TestClock()
    let keys: TicketKeys
    let certificate: DevelopmentCertificates
    let client: TLSContext

    init() throws {
        keys = makeTicketKeys(clock)
        certificate = try directory.certificate(["localhost"])
        client = try TLSContext.client(caFile: certificate.ca, verify: true, alpn: ["h2"])
    }

    /// The TLS contexts of one worker; the ticket keys are shared by all workers.
    func worker() throws -> TLSServerContexts {
        try TLSContext.server(certificates: [certificate.files], ticketKeys: keys)
    }

    func connect(_ worker: TLSServerContexts, resuming: TLSSession? = nil) throws -> Pair {
        let pair = try Pair(client, worker, serverName: "localhost", resuming: resuming)
        try #require(pair.isEstablished)
        #expect(pair.client.isResumed == pair.server.isResumed)
        #expect(pair.server.connection.alpn == .h2)
        return pair
    }

    @Test(arguments: [0x0303, 0x0304]) func resumesOnAnotherWorker(version: Int) throws {
        client.setVersionsForTest(minimum: version, maximum: version)
        let first = try connect(worker())
        #expect(!first.server.isResumed)
        let second = try connect(worker(), resuming: first.client.connection.session)
        #expect(second.server.isResumed)
        #expect(second.server.connection.serverName == "localhost")
        let third = try connect(worker(), resuming: second.client.connection.session)
        #expect(third.server.isResumed)
    }

    @Test(arguments: [0x0303, 0x0304]) func resumesAndRenewsUnderAnOlderKey(version: Int) throws {
        client.setVersionsForTest(minimum: version, maximum: version)
        let worker = try worker()
        var session = try connect(worker).client.connection.session
        // Each ticket is one rotation old. After five rotations the session still resumes only because tickets are
        // renewed.
        for _ in 0..<5 {
            clock.advance(TicketKeys.period)
            let pair = try connect(worker, resuming: session)
            #expect(pair.server.isResumed)
            session = pair.client.connection.session
        }
    }

    @Test(arguments: [(0, true), (1, true), (2, true), (3, false), (100, false)])
    func ticketsOpenForTwoRotations(rotations: Int64, isResumed: Bool) throws {
        let worker = try worker()
        let session = try connect(worker).client.connection.session
        clock.advance(rotations * TicketKeys.period)
        #expect(try connect(worker, resuming: session).server.isResumed == isResumed)
    }

    @Test func otherKeysMeanAFullHandshake() throws {
        let session = try connect(worker()).client.connection.session
        let stranger = try TLSContext.server(certificates: [certificate.files], ticketKeys: makeTicketKeys())
        #expect(try !connect(stranger, resuming: session).server.isResumed)
    }

    @Test func resumesUnderANameThatIsNotTheFirst() throws {
        let other = try directory.certificate(["other.example"])
        let worker = try TLSContext.server(certificates: [other.files, certificate.files], ticketKeys: keys)
        let session = try connect(worker).client.connection.session
        #expect(try connect(worker, resuming: session).server.isResumed)
    }

    /// A resuming client does not verify the certificate.
    ///
    /// So a session must not resume under another certificate's name (CVE-2025-23419).
    @Test(arguments: [0x0303, 0x0304], ["second.example", "localhost"])
    func noSessionResumesUnderAnotherCertificatesName(version: Int, first: String) throws {
        let other = try directory.certificate(["second.example"])
        let worker = try TLSContext.server(certificates: [certificate.files, other.files], ticketKeys: keys)
        let client = try TLSContext.client(caFile: nil, verify: false, alpn: ["h2"])
        client.setVersionsForTest(minimum: version, maximum: version)
        func connect(_ name: String?, _ session: TLSSession?) throws -> Pair {
            let pair = try Pair(client, worker, serverName: name, resuming: session)
            try #require(pair.isEstablished)
            return pair
        }
        let second = first == "localhost" ? "second.example" : "localhost"
        let session = try connect(first, nil).client.connection.session
        #expect(try !connect(second, session).server.isResumed)
        #expect(try connect(first, session).server.isResumed)
        // A client that sends no name, or an unknown one, gets the first certificate.
        #expect(try connect(nil, session).server.isResumed == (first == "localhost"))
        #expect(try connect("unknown.example", session).server.isResumed == (first == "localhost"))
    }

    @Test func resumesUnderAnotherNameOfTheSameCertificate() throws {
        let both = try directory.certificate(["a.example", "*.b.example"])
        let worker = try TLSContext.server(certificates: [certificate.files, both.files], ticketKeys: keys)
        let client = try TLSContext.client(caFile: nil, verify: false, alpn: ["h2"])
        let session = try Pair(client, worker, serverName: "a.example").client.connection.session
        let pair = try Pair(client, worker, serverName: "x.b.example", resuming: session)
        #expect(pair.isEstablished && pair.server.isResumed)
    }

    @Test func resumesAfterARenewal() throws {
        let session = try connect(worker()).client.connection.session
        let renewed = try directory.certificate(["localhost"])
        let worker = try TLSContext.server(certificates: [renewed.files], ticketKeys: keys)
        #expect(try connect(worker, resuming: session).server.isResumed)
    }

    // MARK: Other processes

    @Test func aSuccessorAcceptsTheTicketsOfItsPredecessor() throws {
        clock.advance(TicketKeys.period + 100)
        let session = try connect(worker()).client.connection.session
        let (otherClock, record) = (TestClock(), keys.record())
        #expect(record.keys.count == 2 && record.age == 100 && record.keys.allSatisfy { $0.count == 80 })
        let successor = makeTicketKeys(otherClock)
        #expect(successor.restore(record) && successor.record() == record)
        let worker = try TLSContext.server(certificates: [certificate.files], ticketKeys: successor)
        #expect(try connect(worker, resuming: session).server.isResumed)
        // The successor makes new keys at the time at which the predecessor would have made them.
        otherClock.advance(TicketKeys.period - 101)
        #expect(successor.record().keys == record.keys)
        otherClock.advance(1)
        #expect(Array(successor.record().keys.dropFirst()) == record.keys)
    }

    @Test func keysOfWrongSizesAreRefused() {
        let before = keys.record()
        let key = [UInt8](repeating: 7, count: 80)
        for wrong in [[], [Array(key.dropLast())], [key + [1]], [key, []], [key, key, key, key]] {
            #expect(!keys.restore(TicketKeys.Record(keys: wrong, age: 0)))
        }
        #expect(!keys.restore(TicketKeys.Record(keys: [key], age: -1)) && keys.record() == before)
        #expect(keys.restore(TicketKeys.Record(keys: [key], age: .max)), "it is the time for the next key")
        #expect(keys.record().keys.count == 2 && keys.record().keys.last == key)
    }
}
