// The status and the message of each HTTP/1.1 error.
import HTTP
import Testing

@Suite struct HTTP1ErrorTests {
    @Test("every error has a status of the list and a message") func errors() {
        for kind in HTTP1Error.Kind.allCases {
            let error = HTTP1Error(kind)
            #expect([400, 414, 417, 431, 501, 502, 505].contains(error.status))
            #expect(!error.message.isEmpty)
        }
    }

    @Test("CONNECT is 501") func connectStatus() { #expect(HTTP1Error(.connectUnsupported).status == 501) }

    @Test("conflicting lengths are 400, unknown codings 501") func statuses() {
        #expect(HTTP1Error(.lengthAndTransferEncoding).status == 400)
        #expect(HTTP1Error(.transferEncodingInHTTP10).status == 400)
        #expect(HTTP1Error(.unsupportedTransferEncoding).status == 501)
        #expect(HTTP1Error(.unsupportedExpectation).status == 417)
        #expect(HTTP1Error(.unsupportedVersion).status == 505)
    }
}
