import Testing

/// Sessions resume on any worker; the kernel spreads these connections over both workers.
@Suite struct TLSResumptionTests {
    /// The probability that 20 connections all reach the same one of two workers is about one in a million.
    private static let attempts = 20

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func aSessionIsResumedByEveryWorker(version: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let configuration = Configuration(executors: ["http://127.0.0.1:1"], settings: "workers: 2")
        try await withServer(configuration) { server in
            let session = scratch.file("session.pem")
            let first = try await server.openSSLRequest("\(version) -servername localhost -sess_out \(session)")
            #expect(first.contains("\nNew, TLSv1"))
            #expect(first.contains("HTTP/1.1 200 OK"))
            for _ in 0..<Self.attempts {
                let again = try await server.openSSLRequest("\(version) -servername localhost -sess_in \(session)")
                #expect(again.contains("\nReused, TLSv1"))
                #expect(again.contains("HTTP/1.1 200 OK"))
            }
        }
    }

    @Test func fiveReconnectsAreFiveResumptions() async throws {
        let configuration = Configuration(executors: ["http://127.0.0.1:1"], settings: "workers: 2")
        try await withServer(configuration) { server in
            for _ in 0..<4 {
                let seen = try await server.openSSL("-tls1_2 -reconnect")
                #expect(
                    seen.split(separator: "\n").count { $0.hasPrefix("Reused, TLSv1.2") } == 5,
                    "\(seen.split(separator: "\n"))"
                )
            }
        }
    }

    @Test func aTicketOfAnotherServerIsAFullHandshake() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let session = scratch.file("session.pem")
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        try await withServer(configuration) { server in
            _ = try await server.openSSLRequest("-tls1_3 -sess_out \(session)")
        }
        try await withServer(configuration) { server in
            let seen = try await server.openSSLRequest("-tls1_3 -sess_in \(session)")
            #expect(seen.contains("\nNew, TLSv1.3"))
            #expect(seen.contains("HTTP/1.1 200 OK"))
        }
    }
}
