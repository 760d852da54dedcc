/// A certificate for an executor, and the certificate authority that signs it; openssl makes both.
///
/// A test can ask for a certificate with one wrong property.
struct ExecutorCertificate: Sendable {
    let authority: String
    let chain: String
    let key: String

    /// - Parameters:
    ///   - names: The certificate's `subjectAltName`, for example `DNS:localhost,IP:127.0.0.1`.
    ///   - days: Days until the certificate expires; negative for an expired one.
    static func make(names: String = "DNS:localhost,IP:127.0.0.1", days: Int = 30, in scratch: Scratch) async throws
        -> ExecutorCertificate
    {
        let (authority, chain, key) = (scratch.file("ca.pem"), scratch.file("leaf.pem"), scratch.file("leaf.key"))
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try scratch.write("subjectAltName=\(names)\n", to: "extensions")
        try await openssl(
            ["req", "-x509"] + curve
                + ["-keyout", scratch.file("ca.key"), "-out", authority, "-days", "30", "-subj", "/CN=authority"]
        )
        try await openssl(
            ["req"] + curve + ["-keyout", key, "-out", scratch.file("leaf.csr"), "-subj", "/CN=executor"]
        )
        try await openssl([
            "x509", "-req", "-in", scratch.file("leaf.csr"), "-CA", authority, "-CAkey", scratch.file("ca.key"),
            "-CAcreateserial", "-days", "\(days)", "-extfile", scratch.file("extensions"), "-out", chain,
        ])
        return ExecutorCertificate(authority: authority, chain: chain, key: key)
    }

    private static func openssl(_ arguments: [String]) async throws {
        let made = try await run("openssl", arguments)
        guard made.succeeded else { throw Unmet("openssl \(arguments[0]): \(made.errors)") }
    }
}

/// The simulated executor over TLS.
final class SecureExecutor: Sendable {
    let process: ChildProcess
    let port: Int
    let certificate: ExecutorCertificate

    private init(process: ChildProcess, port: Int, certificate: ExecutorCertificate) {
        self.process = process
        self.port = port
        self.certificate = certificate
    }

    /// The YAML of a model that this executor serves; `more` adds keys to the executor, each after a comma.
    func model(_ id: String = "demo", host: String = "127.0.0.1", authority: String? = nil, more: String = "") -> String
    {
        let trusted = authority ?? certificate.authority
        return "- {id: \(id), executors: [{url: 'https://\(host):\(port)', model: demo, tls: {ca: \(trusted)}\(more)}]}"
    }

    /// Sends a GET request directly to the executor, without the server.
    func get(_ path: String) async throws -> JSON {
        let seen = try await run(
            "curl",
            ["--silent", "--insecure", "--noproxy", "*", "https://127.0.0.1:\(port)\(path)"]
        )
        return try JSON(parsing: seen.output)
    }

    static func with<Answer>(
        _ certificate: ExecutorCertificate,
        _ arguments: [String] = [],
        in scratch: Scratch,
        _ body: (SecureExecutor) async throws -> Answer
    ) async throws -> Answer {
        let port = Port.free()
        let process = try await ChildProcess.start(
            Repository.executorBinary,
            ["executor", "--listen", "127.0.0.1:\(port)", "--certificate", certificate.chain, "--key", certificate.key]
                + arguments,
            in: scratch
        )
        do {
            _ = try await eventually("the executor") {
                guard process.isRunning else { throw Unmet("the executor ended: \(process.errors)") }
                return process.errors.contains("ready") ? true : nil
            }
            let answer = try await body(SecureExecutor(process: process, port: port, certificate: certificate))
            try await process.stop()
            return answer
        } catch {
            try await process.stop()
            throw error
        }
    }
}
