import Testing

/// Who the client of a request is, for each way in which it is named, each from a trusted and an untrusted peer.
///
/// One server gets the requests of all rows before the first row is judged.
@Suite struct ClientAddressTests {
    private static let requests = Task { try await AddressedRequests(AddressedRequest.all) }

    @Test(arguments: AddressedRequest.all)
    func logAndMetricsNameTheRightClient(_ row: AddressedRequest) async throws {
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
        case .closed(let sample):
            #expect(seen.status.isNull, "\(seen.status)")
            #expect(seen.grown == .object([sample: .number(1)]))
            #expect(seen.log.isEmpty)
        }
    }
}
