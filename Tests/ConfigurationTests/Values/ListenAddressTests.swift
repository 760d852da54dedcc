// Parsing the addresses of listeners, and which of them collide.

import Testing

@testable import Configuration

@Suite struct ListenAddressTests {
    @Test(arguments: [
        "80", ":80", "*:80", "host:80", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "01.2.3.4:1", "::1:80", "[::1]",
        "[::1]80", "[1.2.3.4]:80", "[fe80::1%lo]:80", "[]:80", "unix:x", "unix:", "127.0.0.1:http", "127.0.0.1:8０",
    ])
    func aListenAddressIsRefused(text: String) {
        #expect(throws: ValueProblem.self) { try ListenAddress.parse(text).get() }
    }

    @Test func listenAddressesCollideHoweverWritten() throws {
        let a = try ListenAddress.parse("[0:0:0:0:0:0:0:1]:80").get()
        let b = try ListenAddress.parse("[::1]:80").get()
        #expect(a.collides(with: b))
        #expect(!a.collides(with: try ListenAddress.parse("[::1]:81").get()))
        #expect(!a.collides(with: try ListenAddress.parse("127.0.0.1:80").get()))
        let free = try ListenAddress.parse("localhost:0").get()
        #expect(!free.collides(with: free))
        #expect(free.description == "127.0.0.1:0")
    }
}
