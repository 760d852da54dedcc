import Testing

/// Statuses of 400 and above pass with their bodies: what an executor answers is the client's to know.
@Suite struct ExecutorStatusTests {
    @Test(arguments: [400, 429, 500, 503], Speaking.both)
    func itPassesWithItsBody(_ status: Int, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            for tongue in Tongue.allCases {
                for stream in [true, false] {
                    let asked = tongue.request(
                        stream: stream,
                        simulator: #""fault":"status:\#(status)","retry_after":"7""#
                    )
                    let direct = try await executor.exchange(asked)
                    let seen = try await server.exchange(asked, speaking)
                    #expect(direct.status == status)
                    #expect(seen.status == status)
                    #expect(seen.body == direct.body)
                    #expect(seen["content-type"] == direct["content-type"])
                    #expect(seen["retry-after"] == "7")
                    #expect(seen["server"] == nil)
                    #expect(seen.isClean)
                }
            }
        }
    }
}
