/// An authority for clients' certificates, a certificate that it has signed, one that has expired, and one of another
/// authority; made by the command `openssl`.
struct ClientCertificates: Sendable {
    private let scratch: Scratch
    var authority: String { scratch.file("ca.pem") }
    var otherAuthority: String { scratch.file("other-ca.pem") }

    init(in scratch: Scratch) async throws {
        self.scratch = scratch
        try await makeAuthority("ca")
        try await makeAuthority("other-ca")
        try await sign("valid", by: "ca", days: 30)
        try await sign("expired", by: "ca", days: -1)
        try await sign("stranger", by: "other-ca", days: 30)
    }

    private static let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

    private func makeAuthority(_ name: String) async throws {
        try await shell(
            "openssl req -x509 \(Self.newKey) -keyout \(name).key -out \(name).pem -subj '/CN=\(name)' -days 30"
        )
    }

    private func sign(_ name: String, by authority: String, days: Int) async throws {
        try await shell(
            "openssl req -new \(Self.newKey) -keyout \(name).key -out \(name).csr -subj '/O=Test/CN=\(name)'"
                + " && openssl x509 -req -in \(name).csr -CA \(authority).pem -CAkey \(authority).key -days \(days)"
                + " -out \(name).pem"
        )
    }

    private func shell(_ command: String) async throws {
        let made = try await run("sh", ["-c", "cd \(scratch.path) && \(command)"])
        guard made.succeeded else { throw Unmet("no certificate: \(made.errors)") }
    }

    /// The SHA-256 fingerprint of a certificate as openssl prints it.
    func fingerprint(_ name: String) async throws -> String {
        try await run("openssl", ["x509", "-in", scratch.file("\(name).pem"), "-noout", "-fingerprint", "-sha256"])
            .output
    }

    /// The options of curl that present a certificate.
    func curl(_ name: String) -> [String] {
        ["--cert", scratch.file("\(name).pem"), "--key", scratch.file("\(name).key")]
    }

    /// The options of `openssl s_client` that present a certificate.
    func openSSL(_ name: String) -> String {
        "-cert \(scratch.file("\(name).pem")) -key \(scratch.file("\(name).key"))"
    }
}
