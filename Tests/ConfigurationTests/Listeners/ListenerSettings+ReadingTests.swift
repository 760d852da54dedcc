// Reading listeners: certificates, protocols, and the mode and group of a unix socket.
import Testing
import Transport

@testable import Configuration

@Suite struct ListenerSettingsReadingTests {
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
