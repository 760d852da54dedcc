// Reading listeners and the admin listener: which settings go together, and which addresses overlap.

import Testing
import Transport

@testable import Configuration

@Suite struct ListenerSettingsTests {
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

    @Test func aRedirectNeedsSomewhereToLead() throws {
        let models = "\nmodels: [{id: m, executors: [{url: 'http://e'}]}]\nauthentication: {required: false}\n"
        let tls = "tls: {certificates: [{chain: c, key: k}]}"
        func listeners(_ items: String) -> String { "listeners: [\(items)]" + models }
        #expect(
            faults(listeners("{address: '127.0.0.1:80', redirect_https: true}"))
                == ["c.yaml:1:55: listeners[].redirect_https: needs a listener with tls, at a port that is not 0"]
        )
        #expect(
            faults(listeners("{address: '127.0.0.1:443', redirect_https: true, \(tls)}"))
                == ["c.yaml:1:56: listeners[].redirect_https: has no meaning beside tls"]
        )
        let clear = "{address: '127.0.0.1:80', redirect_https: true}"
        func port(_ more: String) throws -> UInt16? {
            ListenerSettings.httpsPort(of: try read(listeners("\(clear), \(more)")).get().listeners)
        }
        #expect(try port("{address: '127.0.0.1:8443', \(tls)}") == 8443)
        #expect(try port("{address: '127.0.0.1:8443', \(tls)}, {address: '127.0.0.1:443', \(tls)}") == 443)
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
