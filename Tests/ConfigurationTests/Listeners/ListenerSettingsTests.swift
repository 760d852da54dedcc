// Tests how listeners and the admin listener are read: which settings exclude each other, and which addresses overlap.

import Testing
import Transport

@testable import Configuration

@Suite struct ListenerSettingsTests {
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
}
