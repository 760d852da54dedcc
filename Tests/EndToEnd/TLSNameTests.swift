import Testing

/// Which certificate a client gets for the name that it sends (SNI).
@Suite struct TLSNameTests {
    @Test func theNameAskedForPicksTheCertificate() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = [
            try await makeCertificate(["one.test"], in: scratch, folder: "one"),
            try await makeCertificate(["two.test"], in: scratch, folder: "two"),
            try await makeCertificate(["*.wild.test", "three.test"], in: scratch, folder: "three"),
        ]
        let configuration = Configuration()
        let yaml = tlsConfiguration(port: configuration.tls, certificates)
        try await withServer(configuration, yaml: yaml) { server in
            let expected = [
                ("-servername one.test", "one.test"), ("-servername two.test", "two.test"),
                ("-servername TWO.test", "two.test"), ("-servername three.test", "three.test"),
                ("-servername any.wild.test", "*.wild.test"),
                // A wildcard covers exactly one label, and not the bare domain (RFC 6125 section 6.4.3).
                ("-servername a.b.wild.test", "one.test"), ("-servername wild.test", "one.test"),
                ("-servername unknown.test", "one.test"), ("-noservername", "one.test"),
            ]
            for (arguments, name) in expected {
                let shown = try await server.certificateNames(arguments)
                #expect(shown.contains("DNS:\(name)"), "\(arguments)")
            }
        }
    }
}
