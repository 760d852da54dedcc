import Testing

/// Tests responses that are not streams, and are too large for the edge's buffer.
@Suite struct BigBodyTests {
    @Test(arguments: [100_000, 262_000, 300_000, 5_000_000], Speaking.both)
    func itPassesByteForByte(_ size: Int, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            let asked = Tongue.chat.request(stream: false, simulator: #""fault":"big_body:\#(size)","prefill_ms":5"#)
            let direct = try await executor.exchange(asked)
            let seen = try await server.exchange(asked, speaking)
            #expect(direct.length > size)
            #expect(seen.status == 200)
            #expect(seen.length == direct.length)
            #expect(seen.digest == direct.digest)
            #expect(seen["content-length"] == direct["content-length"])
            #expect(seen.isClean)
        }
    }

    /// If the executor's response breaks off after the edge has sent its head, the status cannot change.
    ///
    /// The edge then ends its own response in a way that the client recognizes as incomplete.
    @Test(arguments: Speaking.both + [.http10])
    func cutWhileItPassesItIsBroken(_ speaking: Speaking) async throws {
        try await withServer { server, _ in
            let seen = try await server.exchange(
                Tongue.chat.request(
                    stream: false,
                    simulator: #""fault":["big_body:2000000","cut_json"],"prefill_ms":5"#
                ),
                speaking
            )
            #expect(seen.status == 200)
            #expect(seen.length > 0)
            #expect(seen.length < 2_000_000)
            #expect(!seen.isClean)
            // With HTTP/1.0 and HTTP/1.1 the connection closes before `content-length` bytes, which marks the response
            // as incomplete.
            #expect(
                speaking == .http2 ? seen.endsBroken(.http2) : ["closed", "reset"].contains(seen.report.ending.string)
            )
            // The server has not added an error message to the executor's body.
            #expect(!seen.body.contains("error"))
            try await expect(server.logged(seen)) { $0.end.string == "executor_broke_off" }
        }
    }
}
