// Tests the settings of a listener that depend on client addresses, such as which proxies are trusted.
import HTTP
import Testing
import Transport

@testable import Configuration

@Suite struct ListenerAccessTests {
    private func load(_ keys: String, file: String? = nil) -> Result<ListenerAccess, ConfigurationErrors> {
        let text = """
            listeners:
              - address: 127.0.0.1:8080
            \(keys.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
            authentication: {required: false}
            models: [{id: a, executors: [{url: 'http://127.0.0.1:1'}]}]
            """
        return Configuration.load(
            path: "/c.yaml",
            readFile: { path in
                if path == "/c.yaml" { return .success(Array(text.utf8)) }
                return file.map { .success(Array($0.utf8)) } ?? .failure(FileProblem("No such file"))
            }
        ).map { $0.listeners[0].access }
    }
    private func problem(_ keys: String, file: String? = nil) -> String {
        switch load(keys, file: file) {
        case .success: ""
        case .failure(let errors): errors.problems.map(\.description).joined(separator: "\n")
        }
    }

    @Test func theKeysAreRead() throws {
        let access = try load(
            """
            client_address: x-forwarded-for
            trusted_peers: [10.0.0.0/8, "unix:", 2001:db8::1]
            trusted_only: true
            allow: [192.0.2.0/24]
            deny: [192.0.2.66]
            """
        ).get()
        #expect(access.source == .xForwardedFor && access.trustedOnly && access.trustedPeersPath == nil)
        #expect(access.trustedPeers?.ranges.map(\.description) == ["10.0.0.0/8", "2001:db8::1/128"])
        #expect(access.trustedPeers?.hasUnixPeers == true)
        #expect(
            access.allow?.map(\.description) == ["192.0.2.0/24"] && access.deny.map(\.description) == ["192.0.2.66/32"]
        )
    }

    @Test func oneRangeIsNoFile() throws {
        let access = try load("trusted_peers: 10.0.0.0/8").get()
        #expect(access.trustedPeers?.ranges.count == 1 && access.trustedPeersPath == nil)
    }

    @Test func aFileOfRangesIsRead() throws {
        let access = try load(
            "trusted_peers: ranges.txt",
            file: "# Cloudflare\n173.245.48.0/20\r\n\n 2400:cb00::/32 # v6\n"
        ).get()
        #expect(access.trustedPeersPath == "/ranges.txt")
        #expect(access.trustedPeers?.ranges.map(\.description) == ["173.245.48.0/20", "2400:cb00::/32"])
    }

    @Test(arguments: [
        ("client_address: forwarded", "needs trusted_peers"), ("trusted_only: true", "needs trusted_peers"),
        ("client_address: cf\ntrusted_peers: [10.0.0.1]", "expected one of peer, proxy_protocol"),
        ("allow: [10.0.0.1/8]", "write 10.0.0.0/8"), ("deny: [fe80::1%eth0]", "expected an IP address"),
        ("allow: []", "nobody would be served"), ("trusted_peers: []", "lists no address"),
        ("trusted_peers: [x]", "expected an IP address"), ("trusted_peers: none.txt", "cannot read /none.txt"),
    ]) func faultsAreTold(keys: String, words: String) {
        #expect(problem(keys).contains(words), "\(problem(keys))")
    }

    @Test(arguments: [
        ("", "lists no address"), ("10.0.0.0/8\nx\n", "line 2: 'x': expected an IP address"),
        (String(repeating: "10.0.0.1\n", count: 10_001), "more than 10000 ranges"),
        (String(repeating: "#", count: 1 << 20) + "##", "larger than 1 MiB"),
    ]) func aFileThatCannotBeUsedIsTold(text: String, words: String) {
        #expect(problem("trusted_peers: ranges.txt", file: text).contains(words))
    }
}
