import Testing

/// Tests which address counts as the client's, for each way in which a proxy can name it.
///
/// Each way is tried from a trusted and an untrusted proxy. The log, the metrics and a limit for one address must
/// agree. One server gets the requests of all rows before the first row is checked.
@Suite struct ClientAddressTests {
    private static let requests = Task { try await AddressedRequests(AddressedRequest.all) }

    @Test(arguments: AddressedRequest.all)
    func logLimitsAndMetricsNameTheRightClient(_ row: AddressedRequest) async throws {
        let seen = try #require(try await Self.requests.value[row])
        switch row.outcome {
        case .answered(let client, let source):
            #expect(seen.status.int == 200)
            let sample = #"freeinference_requests_by_client_source_total{source="\#(source)"}"#
            #expect(seen.grown == .object([sample: .number(1)]))
            let line = try #require(seen.log.first)
            #expect(seen.log.count == 1)
            #expect(line.client.string == client)
            #expect(line.peer.string == (client == row.peer ? nil : row.peer))
            #expect(line.cf_ray.string == (row.logsCloudflare ? row.ray : nil))
            #expect(line.cf_country.string == (row.logsCloudflare ? "NL" : nil))
            #expect(line["protocol"].string == (row.speaking == .http2 ? "HTTP/2" : "HTTP/1.1"))
            expectLimits(of: row, client, source: sample, seen)
        case .closed(let sample):
            #expect(seen.status.isNull, "\(seen.status)")
            #expect(seen.grown == .object([sample: .number(1)]))
            #expect(seen.log.isEmpty)
        }
    }

    /// Expects that a limit for one address counts the right client.
    ///
    /// Its second request at once is refused, and a request of another client at the same time is not.
    private func expectLimits(
        of row: AddressedRequest,
        _ client: String,
        source: String,
        _ seen: AddressedRequests.Seen
    ) {
        #expect(seen.second.int == (row.isCounted ? 429 : 200))
        #expect(seen.beside.int == 200)
        var grown = [source: JSON.number(3)]
        if row.isCounted { grown[#"freeinference_per_address_refusals_total{limit="streams"}"#] = .number(1) }
        #expect(seen.grownBeside == .object(grown))
        #expect(seen.secondLog.map(\.client.string) == [client])
        #expect(seen.secondLog.first?.end.string == (row.isCounted ? "address_limited" : "complete"))
    }
}
