// The buffer that holds a request body.

import Inference
import Testing

@Suite struct RequestBodyTests {
    @Test func aBodyKeepsWhatIsAppended() {
        let body = RequestBody(expecting: 6)
        body.append(Array("abc".utf8).span)
        body.append(Array("def".utf8).span)
        #expect(body.count == 6 && body.capacity == 6)
        body.append(Array("g".utf8).span)
        #expect(body.capacity > 6)
        #expect(body.withBytes { text(copy($0)) } == "abcdefg")
    }
}
