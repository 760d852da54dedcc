// Reading the TLS settings of a listener: versions, groups, server names and the certificates of clients.
import Testing
import Transport

@testable import Configuration

@Suite struct ListenerSettingsTLSTests {
    /// A listener with TLS, and further keys of the listener and of `tls`.
    private func text(_ keys: String, tls: String = "") -> String {
        """
        listeners:
          - address: 127.0.0.1:1
            tls: {certificates: [{chain: a.pem, key: a.key}]\(tls)}
            \(keys)
        models: [{id: m, executors: [{url: "http://e"}]}]
        """
    }

    @Test func theDefaultsAskNobodyForACertificate() throws {
        let listener = try read(text("http2: true")).get().listeners[0]
        #expect(listener.clientCertificates == nil && !listener.needsServerName)
        #expect(listener.tls?.minimum == .tls12 && listener.tls?.groups == TLSServerSettings.usualGroups)
    }

    @Test func everyKeyIsRead() throws {
        let keys = "client_ca: ca.pem\n    sni_strict: true"
        let listener = try read(text(keys, tls: ", minimum: \"1.3\", groups: [P-384, X25519]")).get().listeners[0]
        #expect(
            listener.clientCertificates?.authoritiesPath == "ca.pem" && listener.clientCertificates?.areRequired == true
        )
        #expect(listener.needsServerName && listener.tls?.minimum == .tls13)
        #expect(listener.tls?.groups == ["P-384", "X25519"])
        let optional = try read(text("client_ca: /ca.pem\n    client_certificate: optional")).get().listeners[0]
        #expect(optional.clientCertificates?.areRequired == false)
    }

    @Test func whatIsWrongIsTold() {
        #expect(
            faults(text("client_certificate: optional")) == [
                "c.yaml:4:25: listeners[].client_certificate: needs client_ca: the file of the authorities that sign them"
            ]
        )
        #expect(
            faults(text("client_ca: ca.pem\n    client_certificate: maybe"), missing: ["ca.pem"]) == [
                "c.yaml:4:16: listeners[].client_ca: cannot read ca.pem: No such file or directory",
                "c.yaml:5:25: listeners[].client_certificate: 'maybe': expected one of required, optional",
            ]
        )
        let clear = text("client_ca: ca.pem\n    client_certificate: optional\n    sni_strict: true")
            .replacing("tls: {certificates: [{chain: a.pem, key: a.key}]}", with: "http2: true")
        #expect(
            faults(clear) == [
                "c.yaml:4:16: listeners[].client_ca: needs tls",
                "c.yaml:5:25: listeners[].client_certificate: needs tls",
                "c.yaml:6:17: listeners[].sni_strict: needs tls",
            ]
        )
        #expect(
            faults(text("http2: true", tls: ", minimum: 1.1")) == [
                "c.yaml:3:64: listeners[].tls.minimum: '1.1': expected one of 1.2, 1.3"
            ]
        )
    }

    @Test func theFileOfAuthoritiesIsInspected() throws {
        let inspection = inspection(clientAuthorities: { path in
            path == "old.pem"
                ? [CertificateFinding(.chain, "holds an authority that expired", isWarning: true)]
                : [CertificateFinding(.chain, "is empty")]
        })
        #expect(
            faults(text("client_ca: ca.pem"), inspection: inspection) == [
                "c.yaml:4:16: listeners[].client_ca: ca.pem is empty"
            ]
        )
        let configuration = try read(text("client_ca: old.pem"), inspection: inspection).get()
        #expect(
            configuration.warnings.map(\.description) == [
                "c.yaml:4:16: warning: listeners[].client_ca: old.pem holds an authority that expired"
            ]
        )
    }

    @Test func groupsAreChecked() throws {
        func found(_ list: String) -> [String] { faults(text("http2: true", tls: ", groups: \(list)")) }
        #expect(
            found("[]") == [
                "c.yaml:3:63: listeners[].tls.groups: is empty; expected names of groups such as X25519 or P-256"
            ]
        )
        #expect(found("[nobodys]") == ["c.yaml:3:63: listeners[].tls.groups: this OpenSSL knows none of these groups"])
        #expect(found("[\"X25519:P-256\"]").count == 1 && found("[\"*X25519\"]").count == 1)
        #expect(found("[\(Array(repeating: "P-256", count: 17).joined(separator: ", "))]").count == 1)
        let configuration = try read(text("http2: true", tls: ", groups: [nobodys, P-256]")).get()
        #expect(configuration.listeners[0].tls?.groups == ["nobodys", "P-256"])
        #expect(
            configuration.warnings.map(\.description) == [
                "c.yaml:3:63: warning: listeners[].tls.groups: left out, since this OpenSSL does not know them: nobodys"
            ]
        )
    }
}
