// The bytes that the writer produces, and the invalid input that it never writes.

import HTTP
import Testing

@Suite("HTTP1Writer") struct HTTP1WriterTests {
    private func fields(_ pairs: (String, String)...) -> FieldBlock {
        var fields = FieldBlock()
        for (name, value) in pairs { fields.append(name: name, value: value) }
        return fields
    }

    private func request(
        _ method: HTTP.Method = .post,
        target: String = "/v1",
        host: String = "e:1",
        _ fields: FieldBlock = FieldBlock(),
        body: BodyLength = .none,
        keepAlive: Bool = true
    ) -> String {
        var output: [UInt8] = []
        HTTP1Writer.appendRequest(
            method: method,
            target: Array(target.utf8),
            host: Array(host.utf8),
            fields: fields,
            body: body,
            keepAlive: keepAlive,
            to: &output
        )
        return String(decoding: output, as: UTF8.self)
    }

    private func response(
        _ status: Int,
        _ fields: FieldBlock = FieldBlock(),
        version: HTTPVersion = .http11,
        body: ResponseBody,
        keepAlive: Bool = true
    ) -> String {
        var output: [UInt8] = []
        let head = ResponseHead(status: status, fields: fields)
        HTTP1Writer.appendResponse(head, version: version, body: body, keepAlive: keepAlive, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("a request head") func requests() {
        #expect(
            request(.post, fields(("accept", "*/*")), body: .known(120))
                == "POST /v1 HTTP/1.1\r\nhost: e:1\r\ncontent-length: 120\r\naccept: */*\r\n\r\n"
        )
        #expect(
            request(body: .unknown, keepAlive: false)
                == "POST /v1 HTTP/1.1\r\nhost: e:1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        )
        #expect(request() == "POST /v1 HTTP/1.1\r\nhost: e:1\r\ncontent-length: 0\r\n\r\n")
        #expect(request(.get) == "GET /v1 HTTP/1.1\r\nhost: e:1\r\n\r\n")
    }

    @Test("a request that was written is read as it was meant") func roundTrip() throws {
        let text = request(.other("PURGE"), target: "/a?b=c", fields(("x-a", "b"), ("x-c", "")), body: .known(7))
        let head = try head(text)
        #expect(head.method == .other("PURGE"))
        #expect(head.target == Array("/a?b=c".utf8))
        #expect(head.authority == Array("e:1".utf8))
        #expect(head.body == .known(7))
        #expect(head.fields.string(named: "x-a") == "b")
    }

    @Test("a request's parts cannot inject a line") func requestInjection() {
        let text = request(.other("GE\r\nT"), target: "/ a\r\nX: y\u{e9}#", host: "e\r\nX: y", body: .none)
        #expect(text == "GET /%20a%0d%0aX:%20y%c3%a9%23 HTTP/1.1\r\nhost: eX:y\r\n\r\n")
        #expect(request(.get, target: "").hasPrefix("GET / HTTP/1.1\r\n"))
    }

    @Test("a response head") func responses() {
        #expect(
            response(200, fields(("content-type", "text/event-stream")), body: .chunked)
                == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n"
        )
        #expect(response(404, body: .known(0)) == "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        #expect(
            response(429, body: .known(1_234_567), keepAlive: false)
                == "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 1234567\r\nconnection: close\r\n\r\n"
        )
        #expect(response(200, body: .untilClose) == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        #expect(
            response(200, version: .http10, body: .known(1))
                == "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\n"
        )
        #expect(response(299, body: .known(1)).hasPrefix("HTTP/1.1 299 Success\r\n"))
        #expect(response(7, body: .known(1)).hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
    }

    @Test("1xx and 204 have no framing fields") func bodiless() {
        #expect(response(204, body: .known(0)) == "HTTP/1.1 204 No Content\r\n\r\n")
        #expect(response(103, fields(("link", "x")), body: .chunked) == "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
        #expect(response(204, body: .untilClose) == "HTTP/1.1 204 No Content\r\n\r\n")
    }

    @Test("framing and hop-by-hop fields of a block are left out") func framingFields() {
        let block = fields(
            ("content-length", "9"),
            ("transfer-encoding", "gzip"),
            ("connection", "x"),
            ("keep-alive", "x"),
            ("te", "x"),
            ("trailer", "x"),
            ("upgrade", "x"),
            ("proxy-connection", "x"),
            ("host", "x"),
            ("http2-settings", "x"),
            ("age", "1")
        )
        #expect(response(200, block, body: .known(1)) == "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nage: 1\r\n\r\n")
        #expect(request(.get, block) == "GET /v1 HTTP/1.1\r\nhost: e:1\r\nage: 1\r\n\r\n")
    }

    @Test(
        "a field that would break the head is left out",
        arguments: [
            ("x", "a\r\nset-cookie: b"), ("x", "a\nb"), ("x", "a\rb"), ("x", "a\0b"), ("x", "a\u{7f}"), ("x\r\ny", "a"),
            ("x y", "a"),
            ("x:", "a"), ("", "a"), ("\u{e9}", "a"),
        ]
    ) func injection(name: String, value: String) {
        #expect(
            response(204, fields((name, value), ("ok", "1")), body: .none) == "HTTP/1.1 204 No Content\r\nok: 1\r\n\r\n"
        )
    }

    private func header(_ size: Int) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: HTTP1Writer.chunkHeaderCapacity) { buffer, count in
            count = HTTP1Writer.writeChunkHeader(size, to: buffer.baseAddress!)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("chunk headers") func chunkHeaders() {
        for (size, text) in [
            (1, "1"), (15, "f"), (16, "10"), (210, "d2"), (255, "ff"), (256, "100"), (65_536, "10000"),
            (Int.max, "7fffffffffffffff"),
        ] {
            #expect(header(size) == "\(text)\r\n")
        }
    }

    @Test("a chunk's header never says 0, which would end the body") func emptyChunk() {
        #expect(header(0).isEmpty && header(-1).isEmpty)
    }

    @Test("chunks that were written are decoded to what they were") func chunkRoundTrip() {
        let end = String(decoding: HTTP1Writer.chunkEnd, as: UTF8.self)
        let last = String(decoding: HTTP1Writer.lastChunk, as: UTF8.self)
        let text = header(6) + "hello " + end + header(5) + "world" + end + last
        #expect(text == "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n")
        #expect(decode(text).text == "hello world")
    }

    @Test("the fixed answers are well-formed heads") func fixed() {
        var parser = HTTP1ResponseParser()
        let bytes = HTTP1Writer.continueResponse
        guard case .head(let head, _, _, let consumed) = parser.parse(bytes.span) else {
            return #expect(Bool(false))
        }
        #expect(head.status == 100)
        #expect(consumed == bytes.count)
        #expect(String(decoding: HTTP1Writer.switchingToH2C, as: UTF8.self).hasSuffix("upgrade: h2c\r\n\r\n"))
    }
}
