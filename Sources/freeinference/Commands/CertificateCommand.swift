// `freeinference certificate`: makes a development certificate authority and a certificate that it signs.
import ArgumentParser
import CertificateAuthority

/// Writes certificates and keys into a directory, and prints the paths of `ca.pem`, `chain.pem` and `key.pem`.
struct CertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "Make a development CA and a certificate.",
        discussion: """
            Writes ca.pem, ca-key.pem, chain.pem and key.pem. What is there and still valid is kept. Give ca.pem to \
            clients (curl --cacert). Not for production.
            """
    )

    @Option(name: .shortAndLong, help: "Where the files go; made if it is not there.")
    var directory = "certs"

    @Option(name: .shortAndLong, parsing: .upToNextOption, help: "Names and addresses that the certificate is for.")
    var names = ["localhost", "127.0.0.1", "::1"]

    @Flag(help: "RSA with 2048 bits instead of P-256.")
    var rsa = false

    func run() throws {
        do {
            let made = try makeDevelopmentCertificates(in: directory, names: names, keyType: rsa ? .rsa2048 : .p256)
            print("\(made.ca)\n\(made.chain)\n\(made.key)")
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
