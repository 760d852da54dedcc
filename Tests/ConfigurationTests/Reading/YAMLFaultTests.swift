// Common mistakes in YAML, and the hint in the error message for each.

import Testing

@testable import Configuration

@Suite struct YAMLFaultTests {
    @Test(arguments: [
        ("listeners:\n  - address: [::]:80\n", "2:15", #"a value with '[' in it needs quotes: "[::]:80""#),
        ("listeners:\n  - address: [::1]:80\n    trusted: true\n", "2:15", #"needs quotes: "[::1]:80""#),
        ("listeners: [{address: [::]:80}]\n", "1:24", #"needs quotes: "[::]:80""#),
        ("a: {url: http://[fd00::1]:80/x}\n", "1:17", #"needs quotes: "http://[fd00::1]:80/x""#),
        (
            "listeners:\n  - address: *:443\n", "2:15",
            #"'*' is no address: for all of IPv4 write 0.0.0.0:443, for all of IPv6 "[::]:443""#
        ),
        ("listeners: [{address: *:443}]\n", "1:24", "for all of IPv4 write 0.0.0.0:443"),
        ("cors: {origins: [*]}\n", "1:19", #"a value that begins with '*' needs quotes: "*""#),
        ("models:\n  - id: @a/b\n", "2:9", #"a value that begins with '@' needs quotes: "@a/b""#),
        ("models:\n  - id: `a`\n", "2:9", "a value that begins with '`' needs quotes"),
        ("models:\n  - id: %a\n", "2:9", "a value that begins with '%' needs quotes"),
        ("listeners:\n\t- address: x\n", "2:1", "indent with spaces, not with tabs"),
        ("a:\n  - b: c\n\td: e\n", "3:1", "indent with spaces, not with tabs"),
        ("models:\n  - id: a: b\n", "2:10", "a value with ': ' in it needs quotes"),
        ("models:\n  - id:a\n    name: b\n", "3:9", "or the line above lacks its ':' and a space"),
        ("models:\n  - id: \"a\n  - id: b\n", "4:1", "the quote that begins on line 2, column 9, has no end"),
        ("models: [a, b\nx: 1\n", "2:2", "the bracket that opens on line 1, column 9, is not closed"),
        ("models:\n  - id: a\n   name: b\n", "3:4", "the indentation fits no line above"),
        ("models:\n  - id: a\n    x\n    name: b\n", "4:5", "a key needs ': ' behind it"),
        ("x: \"\\q\"\n", "1:5", "use single quotes"),
        ("a: 1\n...\nb: 2\n", "3:1", "a file has one document only"),
    ])
    func anErrorSaysWhatToDo(text: String, place: String, hint: String) {
        let found = faults(text)
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("c.yaml:\(place): not valid YAML: "), "\(found)")
        #expect(found[0].contains("; ") && found[0].contains(hint), "\(found)")
    }

    /// A quoted value gets no hint, even if another value on its line has an error.
    @Test func quotedValuesGetNoHint() {
        #expect(faults("a: [\"[::]:80\", b\nx: 1\n")[0].contains("is not closed"))
    }

    @Test func whatMayBeASecretIsNotQuoted() {
        let found = faults("models: [{executors: [{api_key: *hunter2!x}]}]\n")
        #expect(found.count == 1 && !found[0].contains("hunter2"), "\(found)")
        let other = faults("models: [{executors: [{api_key: @hunter2}]}]\n")
        #expect(other.count == 1 && other[0].hasSuffix("needs quotes") && !other[0].contains("hunter2"), "\(other)")
    }
}
