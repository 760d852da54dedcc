import Testing

/// ECDSA and RSA certificates for the same name: the client's signature algorithms decide which is used.
@Suite struct TLSKeyTypeTests {
    @Test(arguments: ["-tls1_3", "-tls1_2"], [true, false])
    func aClientGetsTheKindThatItUnderstands(version: String, rsaFirst: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = [
            try await makeCertificate(["one.test"], rsa: rsaFirst, in: scratch, folder: "first"),
            try await makeCertificate(["one.test"], rsa: !rsaFirst, in: scratch, folder: "second"),
        ]
        let configuration = Configuration()
        let yaml = tlsConfiguration(port: configuration.tls, certificates)
        try await withServer(configuration, yaml: yaml) { server in
            let name = "-servername one.test \(version) "
            let rsa = try await server.openSSL(name + "-sigalgs RSA-PSS+SHA256")
            #expect(rsa.contains("Peer signature type: RSA-PSS"))
            let ecdsa = try await server.openSSL(name + "-sigalgs ECDSA+SHA256")
            #expect(ecdsa.contains("Peer signature type: ECDSA"))
            // A client that supports both gets the ECDSA certificate, whose signatures are cheaper.
            let both = try await server.openSSL(name)
            #expect(both.contains("Peer signature type: ECDSA"))
        }
    }
}
