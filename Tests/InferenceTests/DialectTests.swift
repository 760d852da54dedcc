// How a dialect and a content type are recognised.

import Inference
import Testing

@Suite struct DialectTests {
    @Test func knowsMultipart() {
        #expect(isMultipart(Array("multipart/form-data; boundary=x".utf8)[...]))
        #expect(isMultipart(Array(" Multipart/Form-Data".utf8)[...]))
        #expect(!isMultipart(Array("application/json".utf8)[...]))
        #expect(!isMultipart(Array("".utf8)[...]))
    }
}
