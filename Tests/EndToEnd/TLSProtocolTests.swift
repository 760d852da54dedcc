import Testing

/// TLS versions, ALPN and renegotiation, as `openssl s_client` sees them.
@Suite struct TLSProtocolTests {
    @Test(arguments: [
        ("-alpn h2", "ALPN protocol: h2"), ("-alpn http/1.1", "ALPN protocol: http/1.1"),
        ("-alpn h2,http/1.1", "ALPN protocol: h2"), ("-alpn http/1.1,h2", "ALPN protocol: h2"),
        ("-alpn unknown,http/1.1", "ALPN protocol: http/1.1"), ("", "No ALPN negotiated"),
    ])
    func theProtocolIsAgreedOn(arguments: String, outcome: String) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            for version in ["-tls1_2", "-tls1_3"] {
                let seen = try await server.openSSL("\(version) \(arguments)")
                #expect(seen.contains(outcome))
            }
        }
    }

    @Test func noCommonProtocolIsAnAlert() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            for version in ["-tls1_2", "-tls1_3"] {
                let seen = try await server.openSSL("\(version) -alpn spdy/3,h3")
                // Alert 120 is no_application_protocol (RFC 7301 section 3.2).
                #expect(seen.contains("alert no application protocol"))
                #expect(seen.contains("SSL alert number 120"))
            }
        }
    }

    @Test func aClientWithoutALPNSpeaksHTTP1() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let seen = try await server.openSSLRequest("")
            #expect(seen.contains("HTTP/1.1 200 OK"))
        }
    }

    @Test func onlyVersions12And13AreSpoken() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            // At security level 0 the client offers the old versions and their ciphers, so only the server can refuse
            // them.
            let willing = "-cipher ALL:@SECLEVEL=0"
            for version in ["-tls1", "-tls1_1"] {
                let seen = try await server.openSSL("\(version) \(willing)")
                #expect(seen.contains("alert protocol version"))
                #expect(seen.contains("Cipher is (NONE)"))
            }
            try await expect(server.openSSL("-tls1_2")) { $0.contains("New, TLSv1.2, Cipher is ECDHE-ECDSA-") }
            try await expect(server.openSSL("-tls1_3")) { $0.contains("New, TLSv1.3, Cipher is TLS_") }
        }
    }

    @Test(arguments: [
        "AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
        "DHE-RSA-AES256-GCM-SHA384",
    ])
    func suitesThatAreNotECDHEWithAEADAreRefused(suite: String) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let seen = try await server.openSSL("-tls1_2 -cipher \(suite):@SECLEVEL=0")
            #expect(seen.contains("alert handshake failure"))
        }
    }

    @Test func renegotiationIsRefused() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            // An R on its own line makes s_client renegotiate; the pauses separate the command from other input.
            let seen = try await server.openSSL("-tls1_2", input: "(sleep 0.3; echo R; sleep 4)")
            #expect(seen.contains("RENEGOTIATING"))
            #expect(seen.contains("no renegotiation"))
            #expect(!seen.contains("read R BLOCK"))
            try await expect(server.curl("/health")) { $0.status == 200 }
        }
    }

    @Test func bytesThatAreNoTLSCloseTheirOwnConnectionOnly() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let stranger = try await RawConnection(port: server.configuration.tls)
            try await stranger.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            _ = try await stranger.receiveToEnd()
            try await expect(server.curl("/health")) { $0.status == 200 }
        }
    }

    @Test func aHandshakeThatNeverComesIsNotWaitedForLong() async throws {
        let configuration = Configuration(
            executors: ["http://127.0.0.1:1"],
            settings: "timeouts: {handshake: 200ms}"
        )
        try await withServer(configuration) { server in
            let silent = try await RawConnection(port: server.configuration.tls)
            try await expect(silent.receiveToEnd()) { $0.text.isEmpty }
        }
    }
}
