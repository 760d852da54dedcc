import Foundation
import Testing

/// `freeinference check`: every error of a file at once, each at its place; and what `serve` makes of the same file.
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
            #expect(seen.output.contains("\n" + place) || seen.output.hasPrefix(place), "\(place)")
        }
        // Nothing but places.
        #expect(seen.output.split(separator: "\n").allSatisfy { $0.hasPrefix("FILE:") })
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

    /// It may resolve by the time it is needed.
    @Test func aNameThatDoesNotResolveIsAWarning() async throws {
        let certificates = try await Certificates.shared()
        let executors = ["http://localhost:1", "http://no-such-host.invalid:8000"]
        let seen = try await check(Configuration(executors: executors).yaml(certificates))
        #expect(seen.status == .exited(0))
        let lines = seen.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("FILE: warning: cannot resolve no-such-host.invalid: ") == true)
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
        #expect(seen.output.contains("one/chain.pem") || seen.output.contains("two/key.pem"))
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
