// How the lines of a server-sent event are read, before its JSON is parsed.
import Testing

@testable import Inference

@Suite struct EventLinesTests {
    private func begins(_ text: String) -> Bool? { EventLines.begins(Array(text.utf8).span) }
    private func name(_ event: String) -> String { EventLines.name(Array(event.utf8).span) }
    private func said(_ event: String, isBare: Bool = false) -> String {
        String(decoding: EventLines.text(of: Array(event.utf8).span, isBare: isBare), as: UTF8.self)
    }
    private func kind(_ event: String) -> String {
        switch EventLines.payload(Array(event.utf8).span) {
        case .comment: "comment"
        case .done: "done"
        case .json(let range): "json " + String(event.utf8.dropFirst(range.lowerBound).prefix(range.count))!
        case .named(let start, let count): "named " + String(event.utf8.dropFirst(start).prefix(count))!
        case .other: "other"
        }
    }

    @Test(arguments: [
        ("", "comment"), ("\n\n", "comment"), (": x\n\n", "comment"), (":\n: y\r\n\r\n", "comment"),
        (": x\ndata: {}\n\n", "other"), ("data: [DONE]\n\n", "done"), ("data:[DONE]\n\n", "done"),
        ("data: [DON\n\n", "other"), ("data: {\"a\":1}\n\n", "json {\"a\":1}"), ("\ndata:{}\r\n\r\n", "json {}"),
        ("data: {\n\n", "other"), ("data:\n\n", "other"), ("data: \n\n", "other"), ("data: 1\n\n", "other"),
        ("event: ping\ndata: {}\n\n", "named ping"), ("event:x\n\n", "named x"), ("event:\n\n", "named "),
        ("id: 1\ndata: {}\n\n", "other"), ("dat", "other"),
    ])
    func anEventIsClassifiedByItsLines(event: String, expected: String) { #expect(kind(event) == expected) }

    @Test(arguments: [
        ": comment", "data: x", "data:", "event: a", "id: 1", "retry: 5", "\n\ndata:", "\u{FEFF}data:", "\u{FEFF}\n:",
    ])
    func aStreamIsKnownByItsFirstField(text: String) { #expect(begins(text) == true) }

    @Test(arguments: ["{", "[1]", "dates: 1", "evening", "<html>", "i", "ix", "data x", "\u{FEFF}{"])
    func otherTextsAreNoStream(text: String) {
        // A single `i` may still become the field name `id`.
        #expect(begins(text) == (text == "i" ? nil : false))
    }

    @Test(arguments: ["", "\n", "d", "data", "even", "r", "\r\n\r\nid"])
    func tooFewBytesDecideNothing(text: String) { #expect(begins(text) == nil) }

    @Test func aByteOrderMarkMayComeInParts() {
        #expect(EventLines.begins([0xEF].span) == nil && EventLines.begins([0xEF, 0xBB].span) == nil)
        #expect(EventLines.begins([0xEF, 0xBC].span) == false)
        #expect(EventLines.begins([0xEF, 0xBB, 0xBF].span) == nil)
    }

    @Test(arguments: [
        ("event: response.failed\ndata: {}\n\n", "response.failed"), ("data: {\"type\":\"ping\"}\n\n", "ping"),
        ("data: {\"type\": \"a\", \"b\":{\"type\":\"c\"}}\n\n", "a"), ("data: {\"x\":1}\n\n", ""), ("", ""),
    ])
    func theNameIsThatOfTheLineOrOfTheType(event: String, expected: String) { #expect(name(event) == expected) }

    @Test func theNameIsLookedForAtTheBeginningOnly() {
        let pad = String(repeating: "x", count: 600)
        #expect(name("data: {\"pad\":\"\(pad)\",\"type\":\"a\"}\n\n") == "")
    }

    @Test(arguments: [
        ("data: {\"a\":1}\n\n", "{\"a\":1}"), ("data: a\ndata:b\n\n", "a\nb"), ("{\"a\":1}", "{\"a\":1}"),
        ("\u{FEFF} [1]\n", "[1]"), ("error: no\n\n", "no"), ("event: error\n\n", ""), ("  \r\n", ""),
        ("overloaded\n", "overloaded"), ("data: x\n\ndata: [DONE]\n\n", "x"),
    ])
    func theTextOfAnEventIsItsData(event: String, expected: String) { #expect(said(event) == expected) }

    @Test func anErrorMayStandInALineOfItsOwn() {
        let event = "data: {\"b\":2}\n{\"error\":1}\n\n"
        #expect(said(event) == "{\"b\":2}" && said(event, isBare: true) == "{\"error\":1}")
    }
}
