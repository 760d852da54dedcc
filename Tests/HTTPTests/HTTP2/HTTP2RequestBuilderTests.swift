// The head of an HTTP/2 request: its size limits and its authority.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2RequestBuilderTests {
    private func expectCalm(_ session: HTTP2Session) {
        session.settle()
        #expect(session.goAways.last == 11, "ENHANCE_YOUR_CALM")
        #expect(session.server.peer.end == .closed)
        session.server.peer.close()
        #expect(session.server.isFreed())
    }

    @Test func aHundredAndOneFieldsAre431() throws {
        let session = try HTTP2Session()
        session.request(1, fields: (0..<96).map { ("a\($0)", "b") })
        #expect(session.exchanges.count == 1)
        session.request(3, fields: (0..<97).map { ("a\($0)", "b") })
        #expect(session.status(of: 3) == 431 && session.exchanges.count == 1)
        session.request(5)
        #expect(session.exchanges.count == 2 && session.goAways.isEmpty)
    }

    /// A browser may send each pair of a cookie as a separate field (RFC 9113 section 8.2.3); they count as one
    /// field.
    @Test func theCrumbsOfACookieAreOneField() throws {
        let session = try HTTP2Session()
        session.request(1, fields: (0..<95).map { ("a\($0)", "b") } + (0..<400).map { _ in ("cookie", "b") })
        #expect(session.exchanges.count == 1)
        session.request(3, fields: (0..<96).map { ("a\($0)", "b") } + [("cookie", "b")])
        #expect(session.status(of: 3) == 431 && session.exchanges.count == 1)
        // Each cookie field counts with all its bytes, so repeated cookie fields are detected as an HPACK bomb.
        session.request(5, fields: (0..<900).map { _ in ("cookie", "b") })
        #expect(session.server.delegate.refusals.map(\.status) == [431, 431] && session.goAways.isEmpty)
        let crumb: [UInt8] = [0x40] + literal("cookie", "").dropFirst()
        let block = HTTP2Session.head() + crumb + [UInt8](repeating: 0x80 | 62, count: 1000)
        session.send(Frame.headers, Frame.endHeaders | Frame.endStream, 7, block)
        expectCalm(session)
    }

    @Test(arguments: [
        ("x", ["x:80"], true), ("x:80", ["x"], true), ("x:080", ["X:"], true), ("[::1]:80", ["[::1]"], true),
        ("x", ["x:443"], false), ("x:81", ["x"], false), ("x:80", ["y"], false), ("x", ["x", "y"], false),
        ("x", ["y", "x"], false), ("[::1]", ["[::1:80]"], false),
    ]) func equalAuthoritiesAreEqual(authority: String, hosts: [String], isTaken: Bool) throws {
        let session = try HTTP2Session()
        var block = literal(":method", "GET") + literal(":scheme", "http") + literal(":path", "/")
        block += literal(":authority", authority) + hosts.flatMap { literal("host", $0) }
        session.send(Frame.headers, Frame.endHeaders | Frame.endStream, 1, block)
        #expect(session.exchanges.count == (isTaken ? 1 : 0))
        // nghttp2 itself refuses a second `host` field and resets the stream, so the delegate is not asked.
        #expect(session.server.delegate.refusals.count == (isTaken || hosts.count > 1 ? 0 : 1))
    }

    @Test func tooManyBytesAre431() throws {
        let session = try HTTP2Session()
        session.request(1, fields: (0..<10).map { ("a\($0)", String(repeating: "b", count: 1500)) })
        #expect(session.exchanges.count == 1)
        // One field of 1000 bytes enters the dynamic table; each further byte repeats it.
        var block = HTTP2Session.head()
        block += [0x40] + literal("x", String(repeating: "b", count: 1000)).dropFirst()
        block += [UInt8](repeating: 0x80 | 62, count: 40)
        session.send(Frame.headers, Frame.endHeaders | Frame.endStream, 3, block)
        #expect(session.status(of: 3) == 431 && session.exchanges.count == 1)
    }
}
