// What is wrong in the files that a configuration names, and with its addresses: each at its place.

import Testing
import Transport

@testable import Edge

@Suite struct ConfigurationInspectionTests {
    /// A machine with one interface beside loopback, whose files hold what `pair` and the others say.
    private func inspection(
        pair: @escaping (CertificateFiles, Bool, Bool) -> [CertificateFinding] = { _, _, _ in [] },
        conflict: @escaping ([CertificateFiles]) -> (index: Int, message: String)? = { _ in nil },
        authorities: @escaping (String) -> [CertificateFinding] = { _ in [] }
    ) -> FileInspection {
        FileInspection(
            pair: pair,
            conflict: conflict,
            authorities: authorities,
            looksIntoKeys: false,
            ownAddresses: { ["127.0.0.1", "10.1.2.3", "::1", "fd00::3"] },
            ownName: { "Edge-1" },
            group: { $0 == "web" ? 1000 : nil }
        )
    }

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

    /// A server starts, and reloads, with a certificate that has expired.
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

    @Test func certificatesThatCannotServeTogetherAreToldAtTheOneAtFault() {
        let text = Self.secure.replacing("workers: many", with: "workers: 1")
        let found = faults(text, inspection: inspection(conflict: { (index: $0.count - 1, message: "serves no name") }))
        #expect(found == ["c.yaml:7:19: listeners[].tls.certificates[].chain: b.pem serves no name"])
    }

    @Test(
        arguments: [
            ("0.0.0.0:80", "127.0.0.1:80", "127.0.0.1:80 overlaps 0.0.0.0:80: one of the two is for all addresses"),
            ("10.0.0.1:80", "0.0.0.0:80", "0.0.0.0:80 overlaps 10.0.0.1:80: one of the two is for all addresses"),
            ("[::]:80", "[::1]:80", "[::1]:80 overlaps [::]:80: one of the two is for all addresses"),
            ("127.0.0.1:80", "[::ffff:127.0.0.1]:80", "127.0.0.1:80 is listened on already"),
            ("localhost:80", "127.0.0.1:80", "127.0.0.1:80 is listened on already"),
            (
                "unix:/run/a", "unix:/run//./a",
                "unix:/run//./a is listened on already"
            ),
            ("0.0.0.0:80", "[::]:80", nil), ("0.0.0.0:80", "127.0.0.1:81", nil), ("0.0.0.0:0", "127.0.0.1:0", nil),
            ("127.0.0.1:80", "127.0.0.2:80", nil), ("unix:/run/a", "unix:/run/b", nil),
        ] as [(String, String, String?)]
    )
    func listenersThatOverlapAreFound(first: String, second: String, fault: String?) {
        let text = """
            listeners:
              - address: "\(first)"
              - address: "\(second)"
            authentication: {required: false}
            models: [{id: m, executors: [{url: "http://e"}]}]
            """
        #expect(faults(text) == (fault.map { ["c.yaml:3:14: listeners[].address: \($0)"] } ?? []))
    }

    @Test func theAdminListenerOverlapsToo() {
        let written = valid(and: "admin: {address: 0.0.0.0:8080}")
        #expect(
            faults(written) == ["c.yaml:6:18: admin.address: 127.0.0.1:8080 is a listener's address already"]
        )
        for address in ["127.0.0.1:9901", "0.0.0.0:9901"] {
            let text = valid(and: "authentication: {required: false}").replacing("127.0.0.1:8080", with: address)
            let why = "\(address) meets admin.address, which is 127.0.0.1:9901 by default"
            #expect(faults(text) == ["c.yaml:1:23: listeners[].address: \(why)"])
            #expect(faults(text + "\nadmin: {address: 127.0.0.1:9902}").isEmpty)
        }
    }

    @Test(arguments: [
        ("http://e/v1/chat/completions", "its host"), ("http://e/v1/chat/completions/", "its host"),
        ("https://e/openai/v1/chat/completions", "'/openai'"), ("http://e/chat/completions", "its host"),
        ("http://e/V1/Messages", "its host"), ("http://e/a/b/v1/messages/count_tokens", "'/a/b'"),
        ("http://e/v1/models", "its host"), ("http://e/v1/embeddings", "its host"), ("http://e/rerank", "its host"),
        ("http://e/v2/rerank", "its host"), ("http://e/api/chat", "its host"), ("http://e/health", "its host"),
        ("http://e/x/v1/responses/compact", "'/x'"), ("http://e/v1/audio/speech", "its host"),
    ])
    func aURLThatNamesAnEndpointIsFound(url: String, end: String) {
        let text = valid().replacing("http://e:8000", with: url)
        let why = "names an endpoint: must end at \(end), since requests bring their own"
        #expect(faults(text) == ["c.yaml:5:15: models[].executors[].url: '\(url)': \(why)"])
    }

    @Test(arguments: [
        "http://e/openai", "http://e/api", "http://e/team/score", "http://e/v1/account/gateway/openai",
        "http://e/v1beta/openai", "http://e/models/llama", "http://e/chatcompletions",
    ])
    func aPrefixIsNoEndpoint(url: String) { #expect(faults(valid().replacing("http://e:8000", with: url)) == []) }

    @Test func dotSegmentsAreNoPrefix() {
        for url in ["http://e/../x", "http://e/a/./b", "http://e/a/.."] {
            let found = faults(valid().replacing("http://e:8000", with: url))
            #expect(found == ["c.yaml:5:15: models[].executors[].url: '\(url)': must not have '.' or '..' in its path"])
        }
    }

    @Test(arguments: [
        ("127.0.0.1:80", "http://127.0.0.1", true), ("127.0.0.1:80", "http://localhost:80/x", true),
        ("0.0.0.0:80", "http://127.0.0.1", true), ("0.0.0.0:80", "http://127.1.2.3", true),
        ("0.0.0.0:80", "http://10.1.2.3", true), ("127.0.0.1:80", "http://0.0.0.0", true),
        ("0.0.0.0:443", "https://localhost", true), ("0.0.0.0:80", "http://edge-1", true),
        ("10.1.2.3:80", "http://EDGE-1:80", true), ("10.1.2.4:80", "http://edge-1", false),
        ("10.1.2.3:80", "http://10.1.2.3", true), ("0.0.0.0:80", "http://[::ffff:127.0.0.1]", true),
        ("10.1.2.3:80", "http://[::ffff:10.1.2.3]", true), ("10.1.2.3:80", "http://[::ffff:10.1.2.4]", false),
        ("[::]:80", "http://[::1]", true), ("[::]:80", "http://[fd00::3]", true),
        ("[::1]:80", "http://localhost", true),
        ("unix:/run/x.sock", "unix:/run//x.sock", true), ("127.0.0.1:9990", "http://127.0.0.1:9901", true),
        ("127.0.0.1:80", "http://127.0.0.1:81", false), ("127.0.0.1:80", "http://127.0.0.2", false),
        ("0.0.0.0:80", "http://10.1.2.4", false), ("10.1.2.3:80", "http://127.0.0.1", false),
        ("0.0.0.0:80", "http://[::1]", false), ("unix:/run/x.sock", "unix:/run/y.sock", false),
        ("0.0.0.0:80", "http://e", false),
    ])
    func anExecutorThatIsOurOwnListenerIsFound(listener: String, url: String, isOwn: Bool) {
        let text = valid(and: "authentication: {required: false}")
            .replacing("127.0.0.1:8080", with: listener).replacing("http://e:8000", with: url)
        let found = faults(text, inspection: inspection())
        #expect(found.count == (isOwn ? 1 : 0), "\(found)")
        guard isOwn, let fault = found.first else { return }
        #expect(fault.hasPrefix("c.yaml:5:15: models[].executors[].url: "))
        #expect(fault.hasSuffix("requests would come back to it without end"))
        #expect(fault.contains(url.contains("9901") ? "own admin.address" : "own listener"))
    }

    @Test func aByteOrderMarkIsToldAndPassedOver() throws {
        let marked = "\u{FEFF}" + valid(and: "workers: 3")
        let configuration = try read(marked).get()
        #expect(configuration.workers == .count(3))
        #expect(
            configuration.warnings.map(\.description)
                == ["c.yaml:1:1: warning: the file begins with a byte order mark, which is passed over"]
        )
        // Places are those of the file as an editor shows it.
        #expect(
            faults("\u{FEFF}" + valid().replacing("listeners:", with: "listener:")).contains {
                $0.hasPrefix("c.yaml:1:1: unknown key 'listener'")
            }
        )
        let reader = ConfigurationReader(file: "c.yaml") { _ in nil }
        _ = Configuration.load(bytes: [0xFF, 0xFE, 0x61, 0], environment: [:], reader: reader)
        #expect(
            reader.problems.map(\.description)
                == ["c.yaml:1:1: the file begins with a byte order mark of UTF-16: save it as UTF-8"]
        )
    }

    @Test(arguments: [":443", "*:443"])
    func anAddressWithoutAHostSaysWhatToWrite(address: String) {
        let found = faults(valid().replacing("127.0.0.1:8080", with: address))
        #expect(
            found == [
                "c.yaml:1:23: listeners[].address: '\(address)': needs an address: 0.0.0.0:443 for all of IPv4, "
                    + "\"[::]:443\" for all of IPv6"
            ]
        )
    }

    @Test func aUnixSocketHasModeAndGroup() throws {
        let text = valid(and: "admin: {address: \"unix:/run/a\", mode: 0o600}")
            .replacing("\"127.0.0.1:8080\"", with: "\"unix:/run/x\", mode: 0660, group: web")
        let configuration = try read(text, inspection: inspection()).get()
        #expect(configuration.listeners[0].socketAccess == SocketFileAccess(mode: 0o660, group: "web"))
        #expect(configuration.admin.socketAccess == SocketFileAccess(mode: 0o600))
        #expect(configuration.warnings.isEmpty)
        let found = faults(
            valid(and: "admin: {mode: 0660}")
                .replacing("\"127.0.0.1:8080\"", with: "\"unix:/run/x\", mode: rw, group: nobodys")
                .replacing("models:", with: "workers: 1\nmodels:"),
            inspection: inspection()
        )
        #expect(
            found == [
                "c.yaml:1:44: listeners[].mode: 'rw': expected octal permissions such as 0660",
                "c.yaml:1:55: listeners[].group: 'nobodys': there is no such group",
                "c.yaml:7:15: admin.mode: only for a unix socket",
            ]
        )
        for mode in ["0888", "7777", "66", "06600", "-660"] {
            let text = valid().replacing("\"127.0.0.1:8080\"", with: "\"unix:/run/x\", mode: \"\(mode)\"")
            #expect(faults(text, inspection: inspection()).count == 1, "\(mode)")
        }
        let tcp = valid().replacing("\"127.0.0.1:8080\"", with: "\"127.0.0.1:8080\", group: web")
        #expect(faults(tcp, inspection: inspection()) == ["c.yaml:1:48: listeners[].group: only for a unix socket"])
        let deaf = valid().replacing("\"127.0.0.1:8080\"", with: "\"unix:/run/x\", mode: 0640, group: web")
        #expect(try read(deaf, inspection: inspection()).get().warnings.count == 1)
    }
}
