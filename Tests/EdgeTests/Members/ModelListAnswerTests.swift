// Classifying engines' answers to the request for their models.
import Configuration
import Testing

@testable import Edge

/// Classifying engines' answers to the request for their models.
@Suite struct ModelListAnswerTests {
    private func text(_ status: Int, _ body: String = "") -> String? {
        guard case .unusable(let text) = ModelListAnswer(status: status, body: Array(body.utf8), server: nil) else {
            return nil
        }
        return text
    }

    @Test func aListIsUsed() throws {
        let answer = ModelListAnswer(status: 200, body: Array(#"{"data":[{"id":"a"}]}"#.utf8), server: "llama.cpp")
        guard case .list(let listing) = answer else { return #expect(Bool(false), "\(answer)") }
        #expect(listing.models.map(\.name) == ["a"] && listing.kind == .llamaCpp && listing.warning == nil)
        #expect(text(200, #"{"data":[]}"#) == nil)
    }

    @Test(arguments: [
        (200, "<html>", "no list of models"), (200, "", "no list of models"), (200, "{}", "no list of models"),
        (200, #"{"data":"m"}"#, "no list of models"), (200, "[[[[", "no list of models"), (500, "{}", "status 500"),
        (404, "", "status 404"), (204, "", "status 204"), (401, "", "wants another key"),
        (403, "", "wants another key"),
        (302, "", "a redirect"), (307, "", "a redirect"),
        (200, #"{"data":[{"id":"a","owned_by":"freeinference"}]}"#, "a server like this one"),
    ]) func anythingElseIsNot(status: Int, body: String, said: String) {
        #expect(text(status, body)?.contains(said) == true, "\(text(status, body) ?? "a list")")
    }

    @Test func whatIsLeftOutIsSaid() {
        let items = (0..<1005).map { #"{"id":"m\#($0)"}"# }.joined(separator: ",")
        let listing = EngineListing(body: Array(#"{"data":[{"id":""},{"id":3},\#(items)]}"#.utf8), server: nil)
        #expect(
            listing?.warning
                == "5 of its models are beyond the most of 1000, 2 of its models have no usable name or come twice: "
                + "they are left out"
        )
    }
}
