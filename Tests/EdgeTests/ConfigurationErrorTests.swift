// What is wrong with a configuration file, in which words and at which place.

import Testing

@testable import Edge

@Suite struct ConfigurationErrorTests {
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

    @Test func aFileThatCannotBeReadOrParsedIsOneFault() {
        let missing = Configuration.load(
            path: "/x.yaml",
            environment: [:],
            readFile: { _ in .failure(FileProblem("No such file or directory")) }
        )
        guard case .failure(let errors) = missing else { return #expect(Bool(false)) }
        #expect(errors.description == "/x.yaml:1:1: the file cannot be read: No such file or directory")
        #expect(faults("a: [1\nb: 2")[0].hasPrefix("c.yaml:2:2: not valid YAML: "))
        #expect(faults("a: 1\n---\nb: 2")[0].hasPrefix("c.yaml:2:1: not valid YAML: "))
        #expect(faults("a: \u{1}")[0].hasPrefix("c.yaml:1:4: not valid YAML: "))
        // Lines end in CR LF too, and columns are not bytes.
        #expect(faults("a: 1\r\nb: 2\r\u{fc}\u{1F600}\u{1}")[0].hasPrefix("c.yaml:3:3: not valid YAML: "))
        // The end of a file whose last line has no end.
        #expect(faults("a: [1")[0].hasPrefix("c.yaml:1:6: not valid YAML: "))
        #expect(faults("a: [1\n")[0].hasPrefix("c.yaml:2:1: not valid YAML: "))
        #expect(faults("a: *b")[0] == "c.yaml:1:4: not valid YAML: found undefined alias")
        #expect(
            faults("- 1") == ["c.yaml:1:1: expected keys such as 'listeners:' and 'models:' at the top of the file"]
        )
        let reader = ConfigurationReader(file: "c.yaml") { _ in nil }
        _ = Configuration.load(bytes: [0x61, 0xFF], environment: [:], reader: reader)
        #expect(reader.problems.map(\.description) == ["c.yaml:1:1: the file is not valid UTF-8"])
    }

    @Test func duplicateKeysAreFoundWithAllElse() {
        let text = valid(and: "workers: 1\n'workers': 2\nworkers: 3\nlimits: {body: 1MiB, body: 2MiB, bdy: 1}")
        #expect(
            faults(text) == [
                "c.yaml:7:1: key 'workers' appears twice: first on line 6",
                "c.yaml:8:1: key 'workers' appears twice: first on line 6",
                "c.yaml:9:22: key 'body' appears twice: first on line 9",
                "c.yaml:9:34: unknown key 'bdy' in 'limits'; did you mean 'body'?",
            ]
        )
        #expect(faults("&x a: 1\na: 2") == ["c.yaml:1:1: key 'a' appears more than once in this section"])
        // Of these Yams gives the place of any; the fault is the same each time.
        let mixed = "&x a: 1\na: 2\n&y b: 1\nb: 2\n[c]: 1\n[c]: 2"
        for _ in 1...32 {
            let told = "c.yaml:1:1: a key must be a single word, not a list or a section, and stand once"
            #expect(faults(mixed) == [told])
        }
    }

    @Test func aTreeOfAliasesIsCutOff() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for i in 1...8 {
            text += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        #expect(
            faults(text) == ["c.yaml:1:1: the file has more than 100000 values, counting what its aliases repeat"]
        )
    }

    @Test func unknownKeysFarFromAllKnownOnesListThem() {
        #expect(
            faults(valid(and: "log: {zzzzzz: 1}"))
                == ["c.yaml:6:7: unknown key 'zzzzzz' in 'log'; known here: access, engine_errors"]
        )
        #expect(NearestKey.nearest(to: "idel", among: ["idle", "body"]) == "idle")
        #expect(NearestKey.nearest(to: "xyz", among: ["url"]) == nil)
        #expect(NearestKey.distance(Array("stall".utf8), Array("tsall".utf8)) == 1)
        #expect(NearestKey.distance([], Array("abc".utf8)) == 3)
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
        ("drain_timeout: ${A:x}", "6:16: '${A:x}' is neither ${VAR} nor ${VAR:-default}"),
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
    func aWrongValueHasItsPlace(lines: String, fault: String) {
        let found = faults(valid(and: lines), environment: ["SECRET": "hunter2"], missing: ["gone.yaml"])
        #expect(found == ["c.yaml:" + fault])
    }

    @Test func authenticationIsRequiredWhereOthersCanConnect() {
        let open = valid().replacing("127.0.0.1:8080", with: "0.0.0.0:80")
        let refusal = """
            others can reach 0.0.0.0:80, so authentication.required is true by default: name a file of keys as \
            authentication.keys, or write 'authentication: {required: false}' to serve everyone
            """
        #expect(faults(open) == ["c.yaml:1:12: " + refusal])
        #expect(faults(open + "authentication: {}") == ["c.yaml:6:17: " + refusal])
        #expect(faults(open + "authentication: {required: false}").isEmpty)
        #expect(faults(open + "authentication: {keys: keys.yaml}").isEmpty)
        for local in ["[::1]:80", "127.3.2.1:80", "unix:/run/x", "[::ffff:127.0.0.1]:80"] {
            #expect(faults(valid().replacing("127.0.0.1:8080", with: local)).isEmpty)
        }
    }

    @Test func listenersAreChecked() {
        let long = "unix:/" + String(repeating: "x", count: 107)
        let text = """
            listeners:
              - {address: "[::1]:80", tls: {certificates: []}}
              - {address: "[0:0::1]:80", tls: {}}
              - {address: "\(long)"}
              - {tls: {certificates: [{chain: a.pem}]}}
              - {address: "127.0.0.1:1", h2c_upgrade: true, tls: {certificates: [{chain: a.pem, key: b.pem}]}}
              - {address: "127.0.0.1:0"}
              - {address: "127.0.0.1:0"}
              - {address: "127.0.0.1:2", http2: false, h2c_upgrade: true}
            models: [{id: m, executors: [{url: "http://e"}]}]
            """
        #expect(
            faults(text, missing: ["a.pem"]) == [
                "c.yaml:2:47: listeners[].tls.certificates: is empty; expected at least one '- chain: FILE' with its 'key: FILE'",
                "c.yaml:3:15: listeners[].address: [0:0::1]:80 is listened on already",
                "c.yaml:3:35: listeners[].tls.certificates: missing; expected at least one '- chain: FILE' with its 'key: FILE'",
                "c.yaml:4:15: listeners[].address: '\(long.prefix(80))...': has a path of 108 bytes; the system takes at most 107",
                "c.yaml:5:5: listeners[].address: missing; expected HOST:PORT, [v6]:PORT or unix:/PATH",
                "c.yaml:5:27: listeners[].tls.certificates[].key: missing; expected the path of a file",
                "c.yaml:5:35: listeners[].tls.certificates[].chain: cannot read a.pem: No such file or directory",
                "c.yaml:6:43: listeners[].h2c_upgrade: has no meaning beside tls, where ALPN chooses HTTP/2",
                "c.yaml:6:78: listeners[].tls.certificates[].chain: cannot read a.pem: No such file or directory",
                "c.yaml:9:57: listeners[].h2c_upgrade: has no meaning beside http2: false",
            ]
        )
    }

    @Test func modelsAreChecked() {
        let text = """
            listeners: [{address: "127.0.0.1:80"}]
            models:
              - {id: a, aliases: [b, x], executors: [{url: "http://e"}], fallbacks: [a, zz]}
              - {id: b, aliases: [x], executors: [{url: "http://e", weight: 0}]}
              - {id: a, executors: []}
              - {id: c}
              - import: more.yaml
              - {id: d, executors: [{url: "http://e"}, {url: "HTTP://e"}, {url: "http://E:80/", wieght: 1}]}
              - {id: "", balance: best, executors: [{weight: -1}]}
            """
        #expect(
            faults(text) == [
                "c.yaml:3:23: models[].aliases[]: 'b' shadows the model on line 4",
                "c.yaml:3:74: models[].fallbacks[]: a model cannot be its own fallback",
                "c.yaml:3:77: models[].fallbacks[]: 'zz' is not the id of a model here",
                "c.yaml:4:23: models[].aliases[]: 'x' is an alias on line 3",
                "c.yaml:4:38: models[].executors: all weights are 0, so that no executor would be chosen",
                "c.yaml:5:10: models[].id: 'a' is the id of a model on line 3",
                "c.yaml:5:24: models[].executors: is empty; expected at least one '- url: http://HOST:PORT'",
                "c.yaml:6:5: models[].executors: missing; expected at least one '- url: http://HOST:PORT'",
                "c.yaml:7:13: models[].import: cannot read more.yaml: No such file",
                "c.yaml:8:50: models[].executors[].url: 'HTTP://e': must begin with http://, https:// or unix:/",
                "c.yaml:8:69: models[].executors[].url: http://e:80 is an executor of this model already",
                "c.yaml:8:85: unknown key 'wieght' in 'models[].executors[]'; did you mean 'weight'?",
                "c.yaml:9:10: models[].id: is empty; expected the name that clients use",
                "c.yaml:9:23: models[].balance: 'best': expected one of least-load, round-robin, weighted",
                "c.yaml:9:41: models[].executors[].url: missing; expected http://HOST:PORT, https://HOST or unix:/PATH",
                "c.yaml:9:50: models[].executors[].weight: '-1': must be between 0 and 1000000",
            ]
        )
    }

    @Test func executorsAreSpokenToOverTLSAndHTTP2() {
        #expect(faults(valid(executor: ", protocol: h2").replacing("http://e:8000", with: "https://e")) == [])
        #expect(faults(valid(executor: ", protocol: h2")) == [])
        #expect(
            faults(valid(executor: ", tls: {}")) == [
                "c.yaml:5:37: models[].executors[].tls: only for an https:// url"
            ]
        )
    }

    /// A variable may be a secret, wherever it was put by mistake.
    @Test func whatCameFromTheEnvironmentIsToldByItsName() {
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
