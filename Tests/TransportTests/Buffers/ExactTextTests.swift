// `ExactText` compares names by their bytes, where `String` compares them by Unicode equivalence.
import Testing
import Transport

@Suite struct ExactTextTests {
    /// `String` considers each pair equal: two signs and the letters they stand for, and a composed and a decomposed
    /// accent.
    @Test(arguments: [("\u{212A}2", "K2"), ("caf\u{E9}", "cafe\u{301}"), ("\u{2126}", "\u{3A9}")])
    func equivalentTextsDiffer(one: String, other: String) {
        #expect(one == other && !one.hasBytes(of: other))
        #expect(ExactText(one) != ExactText(other) && Set([ExactText(one), ExactText(other)]).count == 2)
    }

    @Test func theSameBytesAreTheSame() {
        // This text is built at runtime, so Swift stores it in another way than the literal of the same bytes.
        let built = String(decoding: Array("a model's name".utf8), as: UTF8.self)
        #expect(ExactText(built) == ExactText("a model's name") && built.hasBytes(of: "a model's name"))
        #expect(ExactText(built).hashValue == ExactText("a model's name").hashValue)
        #expect(!"a".hasBytes(of: "ab") && !"ab".hasBytes(of: "a") && "".hasBytes(of: ""))
        #expect(!"a".hasBytes(of: "A"))
    }
}
