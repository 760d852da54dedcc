import Testing

@testable import Configuration

@Suite struct AddressLimitsTests {
    private func limits(_ text: String) throws -> AddressLimits {
        try read(valid(and: "limits: {per_address: {\(text)}}")).get().limits.perAddress
    }

    @Test func onlyWhatAFloodNeedsIsLimitedByDefault() throws {
        let limits = try limits("")
        #expect(limits == AddressLimits())
        #expect(limits.newConnections == 200 && limits.handshakes == 1000)
        #expect(limits.connections == nil && limits.requests == nil && limits.streams == nil)
        #expect(limits.bodyBytes == nil && limits.unknownKeys == nil)
        #expect(limits.countsConnections && !limits.countsRequests)
    }

    @Test func eachLimitIsANumberOrOff() throws {
        let most = try limits(
            "connections: 1, new_connections: 2, handshakes: 3, requests: 4, streams: 5, body_bytes: 1MiB, "
                + "unknown_keys: 6"
        )
        #expect(most.connections == 1 && most.newConnections == 2 && most.handshakes == 3 && most.requests == 4)
        #expect(most.streams == 5 && most.bodyBytes == 1 << 20 && most.unknownKeys == 6)
        let off = try limits("new_connections: off, handshakes: off, body_bytes: off, unknown_keys: off")
        #expect(off.newConnections == nil && off.handshakes == nil && off.bodyBytes == nil && off.unknownKeys == nil)
        #expect(!off.countsConnections && !off.countsRequests)
    }

    @Test(arguments: [
        ("requests: 0", "limits.per_address.requests: '0': must be between 1 and 1000000"),
        ("requests: on", "limits.per_address.requests: 'on': expected off or a whole number"),
        ("body_bytes: 1KiB", "limits.per_address.body_bytes: '1KiB': must be between 64KiB and 1024GiB"),
        ("request: 1", "unknown key 'request' in 'limits.per_address'"),
    ])
    func anythingElseIsAnError(text: String, message: String) {
        let found = faults(valid(and: "limits: {per_address: {\(text)}}"))
        #expect(found.count == 1 && found.allSatisfy { $0.contains(message) }, "\(found)")
    }
}
