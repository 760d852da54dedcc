// `ExactText` compares names by their bytes, where `String` compares them by Unicode equivalence.
import Testing
import Transport

@Suite struct ExactTextTests {
    /// `ExactText` distinguishes texts that `String` considers equal, because Unicode defines them as equivalent.
    ///
    /// They are the Kelvin sign and the letter K, é as one and as two code points, and the ohm sign and the letter
    /// omega.
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
