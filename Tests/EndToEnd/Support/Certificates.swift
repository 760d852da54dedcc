/// A development authority and a certificate for localhost, 127.0.0.1 and ::1; the binary makes them once per run.
struct Certificates: Sendable {
    let authority: String
    let chain: String
    let key: String

    static func shared() async throws -> Certificates { try await making.value }

    private static let making = Task {
        let scratch = try Scratch()
        let made = try await run(Repository.binary, ["certificate", "--directory", scratch.path])
        guard made.succeeded else { throw Unmet("no certificate: \(made.errors)") }
        return Certificates(
            authority: scratch.file("ca.pem"),
            chain: scratch.file("chain.pem"),
            key: scratch.file("key.pem")
        )
    }
}
