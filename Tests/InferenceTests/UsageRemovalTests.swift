// Tests what is left of an event when the edge removes token usage that the client did not ask for.

import Inference
import Testing

@Suite struct UsageRemovalTests {
    private func removed(_ event: String) -> String? { UsageRemoval.removed(from: Array(event.utf8).span).map(text) }

    @Test(
        arguments: [
            // Chunks as vLLM, llama-server, LiteLLM and other gateways send them. `nil` means that the edge removes the
            // whole event, and not only its usage.
            (
                #"{"id":"c","object":"o","created":1,"model":"m","choices":[],"usage":{"a":{"b":"}"}},"system_fingerprint":"f"}"#,
                nil
            ),
            (#"{"choices":[],"usage":{"a":1},"prompt_token_ids":null}"#, nil), (#"{"usage":{"a":1}}"#, nil),
            (
                #"{"choices":[ ],"timings":{"n":1},"usage":{"a":1},"id":"c"}"#,
                #"{"choices":[ ],"timings":{"n":1},"id":"c"}"#
            ),
            (
                #"{"id":"c","choices":[{"index":0,"delta":{}}],"usage":{"a":1}}"#,
                #"{"id":"c","choices":[{"index":0,"delta":{}}]}"#
            ),
            (#"{"usage":{"a":1},"choices":[],"citations":["]"]}"#, #"{"choices":[],"citations":["]"]}"#),
            (
                #"{"us\u0061ge":{"a":1} , "choices" : [ {"x":"\"usage\":1"} ]}"#,
                #"{"choices" : [ {"x":"\"usage\":1"} ]}"#
            ),
        ] as [(String, String?)]
    ) func takesTheUsageAlone(json: String, left: String?) {
        let expected = left.map { "data: \($0)\n\n" } ?? ""
        #expect(removed("data: \(json)\n\n") == expected)
        #expect(removed("data:\(json)\r\n\r\n") == expected)
    }

    @Test func otherLinesStay() {
        let event = "id: 4\ndata: {\"timings\":1,\ndata: \"usage\":{\"a\":1}}\n: x\n\n"
        #expect(removed(event) == "id: 4\n: x\ndata: {\"timings\":1}\n\n")
    }

    /// When the edge removes an event, it still sends the event's `id` and `retry` lines, which clients remember.
    ///
    /// No blank line follows, so that they become part of the next event.
    @Test func whatReadersRememberStaysOfAnEventThatIsLeftOut() {
        let event = "id: 77\nevent: message\n: x\ndata: {\"choices\":[],\"usage\":{\"a\":1}}\nretry: 9\n\n"
        #expect(removed(event) == "id: 77\nretry: 9\n")
        #expect(removed("identity: 1\ndata: {\"usage\":{\"a\":1}}\n\n") == "")
    }

    @Test(arguments: ["data: [DONE]\n\n", "data: {\"choices\":[]}\n\n", ": x\n\n", "data: {\"a\":\n\n"])
    func whatHasNoUsageIsLeft(event: String) { #expect(removed(event) == nil) }
}
