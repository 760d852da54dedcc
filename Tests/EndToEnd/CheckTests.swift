import Foundation
import Testing

/// `freeinference check` reports every error of a file at its position, and `serve` reports the same.
@Suite struct CheckTests {
    private func check(_ yaml: String, command: String = "check") async throws -> Completed {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.write(yaml, to: "freeinference.yaml")
        let completed = try await run(Repository.binary, [command, "--config", file])
        return Completed(
            status: completed.status,
            output: completed.output.replacingOccurrences(of: file, with: "FILE"),
            errors: completed.errors.replacingOccurrences(of: file, with: "FILE")
        )
    }

    private static let broken = """
        listenrs: []
        workers: zero
        listeners:
          - address: 127.0.0.1
            tls:
              certificates:
                - chain: /nonexistent.pem
        drain_timeout: 5 parsecs
        models:
          - id: demo
            executors:
              - url: ftp://x
              - uri: http://a
          - id: demo
        """

    @Test func everyErrorIsReportedAtItsPlace() async throws {
        let seen = try await check(Self.broken)
        #expect(seen.status == .exited(2))
        let places = [
            "FILE:1:1: unknown key 'listenrs'; did you mean 'listeners'?", "FILE:2:10: workers:",
            "FILE:4:14: listeners[].address:", "FILE:7:11: listeners[].tls.certificates[].key: missing",
            "FILE:7:18: listeners[].tls.certificates[].chain: cannot read /nonexistent.pem",
            "FILE:8:16: drain_timeout:",
            "FILE:12:14: models[].executors[].url: 'ftp://x'", "FILE:13:9: unknown key 'uri'",
            "FILE:14:9: models[].id: 'demo'",
        ]
        for place in places {
            #expect(seen.output.contains("\n" + place) || seen.output.hasPrefix(place), "\(place): \(seen.output)")
        }
        // Every line begins with a position.
        #expect(
            seen.output.split(separator: "\n").allSatisfy { $0.hasPrefix("FILE:") },
            "\(seen.output.split(separator: "\n"))"
        )
    }

    @Test func serveSaysTheSameAndDoesNotStart() async throws {
        let seen = try await check(Self.broken, command: "serve")
        #expect(seen.status == .exited(2))
        for place in ["FILE:1:1:", "FILE:8:16:", "FILE:14:9:"] { #expect(seen.errors.contains(place)) }
    }

    @Test func aGoodFileHasNoErrors() async throws {
        let certificates = try await Certificates.shared()
        let seen = try await check(Configuration(executors: ["http://127.0.0.1:1"]).yaml(certificates))
        #expect(seen.status == .exited(0))
        #expect(seen.output == "FILE: no errors\n")
    }

    /// A name that does not resolve is a warning, because it may resolve once it is needed.
    @Test func aNameThatDoesNotResolveIsAWarning() async throws {
        let certificates = try await Certificates.shared()
        let executors = ["http://localhost:1", "http://no-such-host.invalid:8000"]
        let seen = try await check(Configuration(executors: executors).yaml(certificates))
        #expect(seen.status == .exited(0))
        let lines = seen.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(
            lines.first?.hasPrefix("FILE: warning: cannot resolve no-such-host.invalid: ") == true,
            "\(String(describing: lines.first))"
        )
        #expect(lines.last == "FILE: no errors")
    }

    @Test func aKeyOfAnotherCertificateIsFound() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let one = try await makeCertificate(["one.test"], in: scratch, folder: "one")
        let two = try await makeCertificate(["two.test"], in: scratch, folder: "two")
        let yaml = tlsConfiguration(port: Port.free(), [(chain: one.chain, key: two.key)])
        let seen = try await check(yaml)
        #expect(seen.status == .exited(2))
        #expect(
            seen.output.hasPrefix(
                "FILE:6:\(26 + one.chain.utf8.count): listeners[].tls.certificates[].key: \(two.key) "
                    + "does not belong to the certificate in \(one.chain)"
            ),
            "\(seen.output)"
        )
    }

    /// A faulty certificate, key and value are all reported in one run, and `serve` reports the same.
    @Test(arguments: ["check", "serve"])
    func faultsOfFilesAreToldWithAllOthers(command: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let made = try await makeCertificate(["one.test"], in: scratch, folder: "one")
        let empty = try scratch.write("", to: "empty.pem")
        let yaml =
            tlsConfiguration(port: Port.free(), [(chain: empty, key: made.chain)], settings: "workers: none")
            .replacingOccurrences(of: "http://127.0.0.1:1", with: "http://127.0.0.1:1/v1/chat/completions")
        let seen = try await check(yaml, command: command)
        #expect(seen.status == .exited(2))
        let lines = (seen.output + seen.errors).split(separator: "\n").filter { $0.hasPrefix("FILE:") }
        #expect(lines.count == 4)
        #expect(lines.first?.hasPrefix("FILE:1:10: workers: ") == true, "\(String(describing: lines.first))")
        #expect(lines.contains { $0.hasPrefix("FILE:6:19: ") && $0.hasSuffix("empty.pem is empty") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("FILE:6:") && $0.hasSuffix("are chain and key exchanged?") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("FILE:10:23: ") && $0.contains("names an endpoint") }, "\(lines)")
    }

    /// An expired certificate causes a warning, and the server uses it.
    @Test func anExpiredCertificateIsAWarning() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let command = """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out chain.pem \
            -subj /CN=old.test -not_before 20200101000000Z -not_after 20200201000000Z 2>/dev/null \
            || { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem \
            && openssl req -new -key key.pem -subj /CN=old.test -out request.pem && mkdir -p ca && touch ca/index \
            && echo 01 > ca/serial && printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=ca/index\\nserial=ca/serial\\n'\
            'new_certs_dir=ca\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > ca.conf \
            && openssl ca -batch -config ca.conf -selfsign -keyfile key.pem -in request.pem -out chain.pem -notext \
            -startdate 20200101000000Z -enddate 20200201000000Z; }
            """
        let made = try await run("sh", ["-c", "cd '\(scratch.path)' && \(command)"])
        try #require(made.succeeded, "\(made.errors)")
        let port = Port.free()
        let yaml = tlsConfiguration(port: port, [(chain: scratch.file("chain.pem"), key: scratch.file("key.pem"))])
        let seen = try await check(yaml)
        #expect(seen.status == .exited(0))
        #expect(seen.output.hasPrefix("FILE:6:19: warning: listeners[].tls.certificates[].chain: "), "\(seen.output)")
        #expect(seen.output.contains("chain.pem expired on 2020-02-01\n"))
        let file = try scratch.write(yaml, to: "freeinference.yaml")
        let server = try await ChildProcess.start(Repository.binary, ["serve", "--config", file], in: scratch)
        _ = try await eventually("the server") { server.errors.contains("ready") ? true : nil }
        #expect(server.errors.contains("expired on 2020-02-01"))
        let answer = try await run(
            "curl",
            ["--insecure", "--silent", "--noproxy", "*", "https://127.0.0.1:\(port)/health"]
        )
        try await server.stop()
        #expect(answer.output == #"{"status":"ok"}"#)
    }

    /// With `ExecStartPre`, systemd sends the output of `check` to the journal, so each line carries a priority.
    @Test func linesForTheJournalHaveTheirPriority() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificates = try await Certificates.shared()
        func lines(_ yaml: String) async throws -> [String] {
            let file = try scratch.write(yaml, to: "freeinference.yaml")
            let script = "export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1); exec \"$@\""
            let words = ["-c", script, "sh", Repository.binary, "check", "--config", file]
            return try await run("/bin/sh", words).output.split(separator: "\n").map(String.init)
        }
        let good = Configuration(executors: ["http://127.0.0.1:1"], settings: "cors: {origins: ['*']}")
        let seen = try await lines("\u{FEFF}" + good.yaml(certificates))
        #expect(seen.count == 2 && seen[0].hasPrefix("<4>") && seen[1].hasPrefix("<6>"), "\(seen)")
        let bad = try await lines("\u{FEFF}workers: 1\n")
        #expect([["<3>", "<3>", "<4>"], ["<4>", "<3>", "<3>"]].contains(bad.map { $0.prefix(3) }), "\(bad)")
    }

    @Test(arguments: ["check", "serve"])
    func requiredAuthenticationNeedsKeys(command: String) async throws {
        let yaml = """
            listeners: [{address: "127.0.0.1:\(Port.free())"}]
            authentication:
              required: true
            models:
              - id: demo
                executors: [{url: "http://127.0.0.1:1"}]
            """
        let seen = try await check(yaml, command: command)
        #expect(seen.status == .exited(2))
        #expect(
            (seen.output + seen.errors).contains("FILE:3:13: authentication.required: true needs authentication.keys")
        )
    }

    @Test(arguments: ["check", "serve"])
    func aPublicListenerHasToSayThatNoKeyIsRequired(command: String) async throws {
        let yaml = """
            listeners: [{address: "0.0.0.0:\(Port.free())"}]
            models:
              - id: demo
                executors: [{url: "http://127.0.0.1:1"}]
            """
        let seen = try await check(yaml, command: command)
        #expect(seen.status == .exited(2))
        #expect((seen.output + seen.errors).contains("authentication: {required: false}"))
    }
}
