// The errors of a configuration file: their words, their positions and their order.

import Testing

@testable import Configuration

@Suite struct ConfigurationErrorsTests {
    @Test func allFaultsAreReportedAtOnceInOrder() {
        let text = """
            listener: []
            listeners:
              - address: 0.0.0.0
              - address: 127.0.0.1:80
                trusted: maybe
              - address: 127.0.0.1:80
            workers: many
            timeouts: {conect: 1s, stall: 10}
            limits: {body: -1}
            models:
              - executors: [{url: "ftp://x"}]
            """
        #expect(
            faults(text) == [
                "c.yaml:1:1: unknown key 'listener'; did you mean 'listeners'?",
                "c.yaml:3:14: listeners[].address: '0.0.0.0': needs a port: HOST:PORT, [v6]:PORT or unix:/PATH",
                "c.yaml:5:14: listeners[].trusted: 'maybe': expected true or false",
                "c.yaml:6:14: listeners[].address: 127.0.0.1:80 is listened on already",
                "c.yaml:7:10: workers: 'many': expected auto or a whole number",
                "c.yaml:8:12: unknown key 'conect' in 'timeouts'; did you mean 'connect'?",
                "c.yaml:8:31: timeouts.stall: '10': expected a whole number with a unit, such as 250ms, 10s, 5m or 1h",
                "c.yaml:9:16: limits.body: '-1': must be between 1KiB and 1GiB",
                "c.yaml:11:5: models[].id: missing; expected the name that clients use",
                "c.yaml:11:23: models[].executors[].url: 'ftp://x': must begin with http://, https:// or unix:/",
            ]
        )
    }

    @Test func errorsPrintALineEach() {
        guard case .failure(let errors) = read("{}") else { return #expect(Bool(false)) }
        #expect(
            errors.description == """
                c.yaml:1:1: listeners: missing; expected at least one '- address: HOST:PORT'
                c.yaml:1:1: models: missing; expected at least one '- id: NAME' with its executors
                """
        )
        #expect(faults("") == errors.problems.map(\.description))
    }

    @Test func unknownKeysFarFromAllKnownOnesListThem() {
        #expect(
            faults(valid(and: "log: {zzzzzz: 1}"))
                == ["c.yaml:6:7: unknown key 'zzzzzz' in 'log'; known here: access, engine_errors"]
        )
    }

    @Test(arguments: [
        ("drain_timeout: 2h", "6:16: drain_timeout: '2h': must be between 0s and 1h"),
        (
            "drain_timeout: [1s]",
            "6:16: drain_timeout: expected a whole number with a unit, such as 250ms, 10s, 5m or 1h, found a list"
        ),
        (
            "drain_timeout:",
            "6:15: drain_timeout: expected a whole number with a unit, such as 250ms, 10s, 5m or 1h, found nothing"
        ),
        ("workers: 0", "6:10: workers: '0': must be between 1 and 1024"),
        ("workers: {}", "6:10: workers: expected auto or a whole number, found a section"),
        ("gather: 1s", "6:9: gather: '1s': must be between 10us and 10ms"),
        (
            "gather: on",
            "6:9: gather: 'on': expected auto, off, or a whole number with a unit, such as 250ms, 10s, 5m or 1h"
        ),
        ("memory_limit: 64MB", "6:15: memory_limit: '64MB': expected a size such as 64MiB, 256KiB or plain bytes"),
        (
            "memory_limit: 9999999999GiB",
            "6:15: memory_limit: '9999999999GiB': expected a size such as 64MiB, 256KiB or plain bytes"
        ),
        ("max_connections: -5", "6:18: max_connections: '-5': must be between 1 and 1000000"),
        ("log: 5", "6:6: log: expected a section of keys, found a single value"),
        ("limits: {header_count: 0x10}", "6:24: limits.header_count: '0x10': expected a whole number"),
        ("admin: {address: 127.0.0.1:8080}", "6:18: admin.address: 127.0.0.1:8080 is a listener's address already"),
        ("admission: {max_wait: 10s}", "6:23: admission.max_wait: 10s is not below commit_after (10s)"),
        ("memory_limit: 16MiB\nlimits: {body: 1GiB}", "7:16: limits.body: is above memory_limit (16MiB)"),
        (
            "cors: {origins: [\"example.org\"]}",
            "6:18: cors.origins: 'example.org': expected '*' or SCHEME://HOST[:PORT]"
        ),
        (
            "cors: {origins: x}",
            "6:17: cors.origins: expected a list: origins such as https://chat.example.org, found a single value"
        ),
        ("drain_timeout: ${NONE}", "6:16: environment variable NONE is not set; ${NONE:-default} gives it a default"),
        ("drain_timeout: ${A", "6:16: '${' has no closing brace; '$${' stands for the characters"),
        ("drain_timeout: ${A:x}", "6:16: '${A:x}' is neither ${VAR}, ${VAR:-default} nor ${file:PATH}"),
        (
            "drain_timeout: ${SECRET}",
            "6:16: drain_timeout: '${SECRET}' once expanded: expected a whole number with a unit, such as 250ms, 10s, 5m or 1h"
        ),
        (
            "authentication: {required: true}",
            "6:28: authentication.required: true needs authentication.keys, a file of keys; or write 'authentication: {required: false}' to serve everyone"
        ),
        (
            "authentication: {keys: gone.yaml}",
            "6:24: authentication.keys: cannot read gone.yaml: No such file or directory"
        ),
    ])
    func aWrongValueIsReportedAtItsPosition(lines: String, fault: String) {
        let found = faults(valid(and: lines), environment: ["SECRET": "hunter2"], missing: ["gone.yaml"])
        #expect(found == ["c.yaml:" + fault])
    }

    /// Any variable may be a secret that was put into the wrong key by mistake.
    @Test func valuesOfVariablesAreShownAsTheirNames() {
        let found = faults(
            valid(executor: ", model: \"${SECRET}\"")
                + "cors: {origins: [\"${SECRET}\"]}\ngather: ${SECRET}\nworkers: ${N}\n",
            environment: ["SECRET": "hunter2-Qj8x", "N": "many"]
        )
        #expect(found.count == 3 && found.allSatisfy { !$0.contains("hunter2") }, "\(found)")
        #expect(found.contains { $0.contains("cors.origins: '${SECRET}'") })
    }

    @Test func aMessageIsOneLineWhateverAKeyHolds() {
        let found = faults(valid() + "\"a\\nb\": 1\n\"a\\nb\": 2\n")
        #expect(found.contains { $0.contains("appears more than once") })
        #expect(found.allSatisfy { !$0.contains("\n") }, "\(found)")
        let expansion = faults("a${SE\n\nRET}: 1\n")
        #expect(!expansion.isEmpty && expansion.allSatisfy { !$0.contains("\n") }, "\(expansion)")
    }

    @Test func secretsAreNeverQuoted() {
        let text = valid(executor: ", api_key: 'sk 123'").replacing("http://e:8000", with: "http://me:pw@e")
        #expect(
            faults(text) == [
                "c.yaml:5:15: models[].executors[].url: the URL must not carry a user or a password: use api_key",
                "c.yaml:5:42: models[].executors[].api_key: must be visible ASCII without spaces",
            ]
        )
        #expect(faults(valid(executor: ", model: \"a\\u0007\""))[0].hasSuffix("must not contain control characters"))
    }
}
