import Testing

@testable import Edge

@Suite struct LogTextTests {
    @Test(arguments: [
        ("gpt-5", "gpt-5"), ("Qwen/Qwen3 Coder", "Qwen/Qwen3 Coder"), ("modèle", "modèle"), ("", ""),
        ("a\nb\u{202E}c\u{2028}d\u{7F}\u{85}", #"a\u{a}b\u{202e}c\u{2028}d\u{7f}\u{85}"#),
        ("fi-" + String(repeating: "A", count: 43), "fi-..."), ("sk-proj-0123456789abcdef", "sk-..."),
        ("fi-small", "fi-small"), (" fi-0123456789abcdefgh", " fi-..."), ("a/sk-0123456789abcdefgh:b", "a/sk-...:b"),
        ("task-0123456789abcdefgh", "task-0123456789abcdefgh"),
    ])
    func whatAClientWroteIsMadeFit(text: String, expected: String) { #expect(LogText.bounded(text) == expected) }

    @Test func whatIsAsItCameHasNoKeyEither() {
        let key = "fi-" + String(repeating: "k", count: 43)
        #expect(LogText.withoutKeys("/v1/models/\(key)") == "/v1/models/fi-...")
        #expect(LogText.withoutKeys("x y-z é \(key), \(key)") == "x y-z é fi-..., fi-...")
        for text in ["", "/v1/chat/completions", "OpenAI/Python 1.2", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"] {
            #expect(LogText.withoutKeys(text) == text)
        }
    }

    @Test func aLongTextIsCutBetweenTwoCharacters() {
        let text = LogText.bounded(String(repeating: "é", count: 1000))
        #expect(text.utf8.count == 256 && text.allSatisfy { $0 == "é" })
        #expect(LogText.bounded(String(repeating: "\n", count: 1000)).utf8.count <= 256)
    }
}
