// The bytes of the token events that the simulator sends.

import Inference
import Testing

@testable import ExecutorSimulator

@Suite struct EventTemplateTests {
    @Test func aTokenEventHasAboutTwoHundredAndTenBytes() {
        let facts = AnswerFacts(
            id: "chatcmpl-0123456789ab",
            created: 1_700_000_000,
            model: "demo",
            choices: 1,
            includesUsage: false,
            promptTokens: 1,
            endsByLength: true
        )
        var event: [UInt8] = []
        ChatForm(facts).token(choice: 0).render(
            Vocabulary().token(1, key: 1),
            time: 123_456_789_012_345,
            number: 0,
            into: &event
        )
        #expect(190...230 ~= event.count)
        #expect(event.starts(with: Array("data: {".utf8)))
        #expect(event.suffix(3).elementsEqual(Array("}\n\n".utf8)))
        #expect(JSONValue(parsing: Array(event.dropFirst(6)))?["emitted_ns"]?.integer == 123_456_789_012_345)
    }
}
