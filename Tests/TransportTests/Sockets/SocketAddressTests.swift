// Socket addresses as text.
import Testing
import Transport

@Suite struct SocketAddressTests {
    @Test func addressesSayWhatTheyAre() throws {
        let four = try #require(SocketAddress(numeric: "127.0.0.1", port: 8080))
        #expect(four.description == "127.0.0.1:8080" && !four.isUnix && four.port == 8080)
        let six = try #require(SocketAddress(numeric: "::1", port: 443))
        #expect(six.description == "[::1]:443" && six.host == "::1")
        let unix = try #require(SocketAddress(unixPath: "/run/x.sock"))
        #expect(unix.description == "unix:/run/x.sock" && unix.port == 0)
        #expect(SocketAddress(numeric: "localhost", port: 1) == nil)
        #expect(SocketAddress(unixPath: "") == nil)
        #expect(SocketAddress(unixPath: String(repeating: "x", count: 108)) == nil)
        #expect(SocketAddress(unixPath: String(repeating: "x", count: 107))?.host.utf8.count == 107)
    }
}
