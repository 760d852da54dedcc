// The message for each reason to refuse a request body.

import Inference
import Testing

@Suite struct RequestScanErrorTests {
    @Test func namesTheKeyAtFault() {
        let error = RequestScanError.duplicate("model")
        #expect(error.param == "model")
        #expect(error.message == "The request body has 'model' more than once.")
        #expect(Failure(scan: error).status == 400)
        let ambiguous = Failure(scan: .ambiguous("model"))
        #expect(ambiguous.status == 400 && ambiguous.param == "model" && ambiguous.kind == .invalidRequest)
        #expect(Failure(scan: .missingModel).param == "model")
        #expect(Failure(scan: .missingModel).kind == .missingModel)
    }
}
