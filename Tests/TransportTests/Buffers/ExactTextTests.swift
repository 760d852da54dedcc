// Names are compared by their bytes, and not by what they look like.
import Testing
import Transport

@Suite struct ExactTextTests {
    /// Each pair is equal for Swift: the Kelvin sign, and a letter with its accent apart.
    @Test(arguments: [("\u{212A}2", "K2"), ("caf\u{E9}", "cafe\u{301}"), ("\u{2126}", "\u{3A9}")])
    func equivalentTextsDiffer(one: String, other: String) {
        #expect(one == other && !one.hasBytes(of: other))
        #expect(ExactText(one) != ExactText(other) && Set([ExactText(one), ExactText(other)]).count == 2)
    }

    @Test func theSameBytesAreTheSame() {
        // Of two ways to store a text: one is small enough to be held in place.
        let built = String(decoding: Array("a model's name".utf8), as: UTF8.self)
        #expect(ExactText(built) == ExactText("a model's name") && built.hasBytes(of: "a model's name"))
        #expect(ExactText(built).hashValue == ExactText("a model's name").hashValue)
        #expect(!"a".hasBytes(of: "ab") && !"ab".hasBytes(of: "a") && "".hasBytes(of: ""))
        #expect(!"a".hasBytes(of: "A"))
    }
}
