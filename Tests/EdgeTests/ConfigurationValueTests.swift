// The single values of a configuration: addresses, URLs, durations, sizes.

import Testing

@testable import Edge

@Suite struct ConfigurationValueTests {
    @Test(arguments: [
        ("http://h", "http://h:80", "h"), ("http://H:8000/", "http://h:8000", "h:8000"),
        ("http://[::1]:90/a/b/", "http://[::1]:90/a/b", "[::1]:90"), ("http://[::1]", "http://[::1]:80", "[::1]"),
        ("https://api.x.org/openai", "https://api.x.org:443/openai", "api.x.org"),
        ("http://vllm_1:80", "http://vllm_1:80", "vllm_1"), ("unix:/run/e.sock", "unix:/run/e.sock", "localhost"),
    ])
    func anExecutorURLParses(text: String, description: String, authority: String) throws {
        let url = try ExecutorURL.parse(text).get()
        #expect(url.description == description)
        #expect(url.authority == authority)
    }

    @Test(arguments: [
        "", "h:80", "http://", "http://:80", "http://h:", "http://h:0", "http://h:65536", "http://h:8 0", "http://h:+8",
        "http://a b", "http://-a", "http://a-", "http://a..b", "http://1.2.3", "http://1.2.3.400", "http://[::1",
        "http://::1",
        "http://[1.2.3.4]", "http://[::1]x", "http://u@h", "http://h?x", "http://h/#f", "http://h/a b", "http://h/v1",
        "http://h/openai/v1/", "http://ä", "unix:", "unix:/", "unix:run", "http:///x", "http://h\u{0}",
    ])
    func anExecutorURLIsRefused(text: String) {
        #expect(throws: ValueProblem.self) { try ExecutorURL.parse(text).get() }
    }

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

    @Test func durationsHaveUnits() {
        #expect(Quantity.duration("250ms") == .milliseconds(250))
        #expect(Quantity.duration("200us") == .microseconds(200))
        #expect(Quantity.duration("5m") == .seconds(300))
        #expect(Quantity.duration("1h") == .seconds(3600))
        for text in ["", "10", "s", "1.5s", "10 s", "10S", "1m30s", "--1s", "1-s", "9223372036854775807s"] {
            #expect(Quantity.duration(text) == nil)
        }
        #expect(Quantity.text(.milliseconds(1500)) == "1500ms")
        #expect(Quantity.text(.zero) == "0s")
        #expect(Duration.milliseconds(1500).inNanoseconds == 1_500_000_000)
    }

    @Test func sizesAreBytesOrBinaryUnits() {
        #expect(Quantity.size("0") == 0)
        #expect(Quantity.size("1B") == 1)
        #expect(Quantity.size("256KiB") == 262_144)
        #expect(Quantity.size("1GiB") == 1 << 30)
        for text in ["", "KiB", "1KB", "1k", "1 KiB", "1.5MiB", "0x10"] { #expect(Quantity.size(text) == nil) }
        #expect(Quantity.text(bytes: 1536) == "1536B")
    }
}
