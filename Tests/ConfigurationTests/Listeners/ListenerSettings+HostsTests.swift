// Reading the names that a listener serves, the folder of ACME challenges and the fields of responses.
import Testing

@testable import Configuration

@Suite struct ListenerSettingsHostsTests {
    private func text(_ keys: String) -> String {
        """
        listeners:
          - address: 127.0.0.1:1
            \(keys)
        models: [{id: m, executors: [{url: "http://e"}]}]
        """
    }

    @Test func hostsHaveOneForm() throws {
        let listener = try read(text(#"hosts: [API.example.org., "*.Example.net", "[::1]", 192.0.2.1]"#)).get()
            .listeners[0]
        #expect(listener.hosts == ["api.example.org", "*.example.net", "::1", "192.0.2.1"])
        #expect(
            faults(text(#"hosts: ["a.example:80", "https://a"]"#)) == [
                "c.yaml:3:13: listeners[].hosts[]: 'a.example:80': expected a name or an address, without a port",
                "c.yaml:3:29: listeners[].hosts[]: 'https://a': expected a name or an address, without a port",
            ]
        )
        #expect(faults(text("hosts: []")).count == 1, "an empty list would refuse every request")
    }

    @Test func theWebrootIsAFolder() throws {
        #expect(try read(text("acme_webroot: www")).get().listeners[0].acmeWebroot == "www")
        let missing = inspection(folder: { _ in FileProblem("No such file or directory") })
        #expect(
            faults(text("acme_webroot: www"), inspection: missing) == [
                "c.yaml:3:19: listeners[].acme_webroot: cannot read www: No such file or directory"
            ]
        )
        let secure = text("acme_webroot: www\n    tls: {certificates: [{chain: a.pem, key: a.key}]}")
        #expect(
            faults(secure) == [
                "c.yaml:3:19: listeners[].acme_webroot: has no meaning beside tls: authorities ask without TLS"
            ]
        )
    }

    @Test func responseFieldsAreRead() throws {
        let keys = """
            response_fields:
                  Strict-Transport-Security: max-age=1; includeSubDomains
                  content-security-policy: "default-src 'none'"
                  x-number: 5
            """
        let listener = try read(text(keys)).get().listeners[0]
        #expect(
            listener.responseFields == [
                .init(name: "strict-transport-security", value: "max-age=1; includeSubDomains"),
                .init(name: "content-security-policy", value: "default-src 'none'"),
                .init(name: "x-number", value: "5"),
            ]
        )
    }

    @Test(arguments: [
        "connection", "Transfer-Encoding", "content-length", "content-type", "date", "x-request-id", "request-id",
        "www-authenticate", "access-control-allow-origin", "vary", "upgrade", "keep-alive", "host", "retry-after",
        "x-ratelimit-limit-requests", "location",
    ])
    func ownFieldsAreRefused(name: String) {
        let found = faults(text("response_fields: {\(name): x}"))
        #expect(
            found.count == 1 && found[0].hasPrefix("c.yaml:3:23: listeners[].response_fields: '\(name)' "),
            "\(found)"
        )
    }

    @Test func namesAndValuesAreChecked() {
        let long = String(repeating: "v", count: 1025)
        for fields in [
            #""a b": x"#, #""a:b": x"#, #"x-a: "a\r\nb""#, #"x-a: "\u00e4""#, #"x-a: """#, #"x-a: " a""#, "x-a: [1]",
            "x-a: \(long)", "X-A: 1, x-a: 2", #""\u00e4": x"#,
        ] {
            #expect(faults(text("response_fields: {\(fields)}")).count == 1, "\(fields)")
        }
        let many = (1...33).map { "x-\($0): 1" }.joined(separator: ", ")
        #expect(
            faults(text("response_fields: {\(many)}")) == [
                "c.yaml:3:22: listeners[].response_fields: has more than 32 fields"
            ]
        )
    }
}
