// Faults in the contents of the files that a configuration names, each reported at the position of the file's name.

import Testing
import Transport

@testable import Configuration

@Suite struct FileInspectionTests {
    private static let secure = """
        listeners:
          - address: 127.0.0.1:443
            tls:
              certificates:
                - chain: a.pem
                  key: a.key
                - {chain: b.pem, key: b.key}
        workers: many
        models: [{id: m, executors: [{url: "https://e", tls: {ca: ca.pem}}]}]
        """

    @Test func faultsOfCertificatesComeWithAllOthers() {
        let found = faults(
            Self.secure,
            missing: ["b.key"],
            inspection: inspection(
                pair: { files, chainIsReadable, keyIsReadable in
                    #expect(chainIsReadable && keyIsReadable == (files.key == "a.key"))
                    return files.key == "a.key"
                        ? [CertificateFinding(.key, "is empty")] : [CertificateFinding(.chain, "is text")]
                },
                conflict: { _ in
                    Issue.record("bad certificates are not looked at together")
                    return nil
                },
                authorities: { _ in [CertificateFinding(.chain, "is empty")] }
            )
        )
        #expect(
            found == [
                "c.yaml:6:16: listeners[].tls.certificates[].key: a.key is empty",
                "c.yaml:7:19: listeners[].tls.certificates[].chain: b.pem is text",
                "c.yaml:7:31: listeners[].tls.certificates[].key: cannot read b.key: No such file or directory",
                "c.yaml:8:10: workers: 'many': expected auto or a whole number",
                "c.yaml:9:59: models[].executors[].tls.ca: ca.pem is empty",
            ]
        )
    }

    @Test func warningsStandAmongTheFaults() {
        let result = read(
            Self.secure,
            inspection: inspection(pair: { files, _, _ in
                files.chain == "a.pem" ? [CertificateFinding(.chain, "expired on 2026-01-01", isWarning: true)] : []
            })
        )
        guard case .failure(let errors) = result else { return #expect(Bool(false)) }
        let warning = "c.yaml:5:18: warning: listeners[].tls.certificates[].chain: a.pem expired on 2026-01-01"
        #expect(errors.all.map(\.description).first == warning)
        #expect(errors.all.map(\.isWarning) == [true, false])
        #expect(errors.problems.count == 1)
    }

    /// An expired certificate is a warning, so the configuration can still be used.
    @Test func aWarningDoesNotKeepTheConfigurationFromBeingUsed() throws {
        let text = Self.secure.replacing("workers: many", with: "workers: 1")
        let configuration = try read(
            text,
            inspection: inspection(
                pair: { _, _, _ in [CertificateFinding(.chain, "expired", isWarning: true)] },
                authorities: { _ in [CertificateFinding(.chain, "expired", isWarning: true)] }
            )
        ).get()
        #expect(configuration.warnings.map(\.line) == [5, 7, 9])
    }

    @Test func aConflictOfCertificatesIsReportedAtTheOneAtFault() {
        let text = Self.secure.replacing("workers: many", with: "workers: 1")
        let found = faults(text, inspection: inspection(conflict: { (index: $0.count - 1, message: "serves no name") }))
        #expect(found == ["c.yaml:7:19: listeners[].tls.certificates[].chain: b.pem serves no name"])
    }
}
