// Which content coding the header fields of a request announce.

import HTTP
import Inference
import Testing

@Suite struct ContentCodingTests {
    @Test(
        arguments: [
            ([], ContentCoding.Announced.none), (["identity"], .none), ([""], .none), (["gzip"], .one(.gzip)),
            (["X-GZIP"], .one(.gzip)), ([" Zstd "], .one(.zstd)), (["identity, gzip"], .one(.gzip)),
            (["br"], .unsupported), (["deflate"], .unsupported), (["gzip, gzip"], .unsupported),
            (["gzip", "zstd"], .unsupported), (["gzip;q=1"], .unsupported), (["aws-chunked"], .unsupported),
        ] as [([String], ContentCoding.Announced)]
    )
    func whatTheFieldsSay(values: [String], announced: ContentCoding.Announced) {
        var fields = FieldBlock()
        for value in values { fields.append(name: "content-encoding", value: value) }
        #expect(ContentCoding.announced(by: fields) == announced)
    }
}
