/// Runs `openssl s_client` as a client of the server's TLS listener.
extension Server {
    /// Opens a connection and sends the output of the shell command `input`; returns what openssl prints.
    func openSSL(
        _ arguments: String,
        input: String = "true",
        within limit: Duration = .seconds(120)
    ) async throws -> String {
        let command = "\(input) | openssl s_client -connect 127.0.0.1:\(configuration.tls) \(arguments) 2>&1"
        return try await run("sh", ["-c", command], within: limit).output
    }

    /// Opens a connection and sends one HTTP/1.1 request.
    ///
    /// While the program waits for the response, it also reads the session tickets that the server sends after the
    /// handshake.
    func openSSLRequest(_ arguments: String) async throws -> String {
        try await openSSL(
            "-ign_eof " + arguments,
            input: #"printf 'GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'"#
        )
    }

    /// The subject alternative names of the server's certificate.
    func certificateNames(_ arguments: String) async throws -> String {
        let command =
            "openssl s_client -connect 127.0.0.1:\(configuration.tls) \(arguments) </dev/null 2>/dev/null"
            + " | openssl x509 -noout -ext subjectAltName"
        return try await run("sh", ["-c", command]).output
    }
}

/// Makes a certificate for these names, signed by a new certificate authority.
func makeCertificate(_ names: [String], rsa: Bool = false, in scratch: Scratch, folder: String) async throws
    -> (chain: String, key: String)
{
    let directory = scratch.file(folder)
    let made = try await run(
        Repository.binary,
        ["certificate", "--directory", directory] + (rsa ? ["--rsa"] : []) + ["--names"] + names
    )
    guard made.succeeded else { throw Unmet("no certificate: \(made.errors)") }
    return (directory + "/chain.pem", directory + "/key.pem")
}

/// A configuration with one TLS listener, these certificates, and a model whose executor cannot be reached.
func tlsConfiguration(
    port: Int,
    _ certificates: [(chain: String, key: String)],
    settings: String = ""
) -> String {
    let list = certificates.map { "        - {chain: \($0.chain), key: \($0.key)}" }.joined(separator: "\n")
    return """
        \(settings)
        listeners:
          - address: 127.0.0.1:\(port)
            tls:
              certificates:
        \(list)
        admin: {address: 127.0.0.1:\(Port.free())}
        models:
          - id: demo
            executors: [{url: "http://127.0.0.1:1"}]
        """
}
