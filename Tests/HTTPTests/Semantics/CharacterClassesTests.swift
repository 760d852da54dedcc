// Which bytes are token characters, field text and white space, and how lists in field values are parsed.
import Testing

@testable import HTTP

@Suite struct CharacterClassesTests {
    /// RFC 9110 section 5.6.2 lists the marks; all other visible characters that are not alphanumeric are delimiters.
    @Test func tokensAreThoseOfTheStandard() {
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let scalar = Unicode.Scalar(byte)
            let isAlphanumeric = byte < 0x80 && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            #expect(byte.isToken == (isAlphanumeric || marks.contains(byte)), "\(byte)")
        }
    }

    @Test func controlCharactersAreNoTextButTheTab() {
        let refused = (UInt8.min...UInt8.max).filter { !$0.isFieldText }
        #expect(refused == Array(0...8) + Array(10...31) + [127])
        #expect((UInt8.min...UInt8.max).filter(\.isBlank) == [9, 32])
    }

    @Test(arguments: [("", ""), (" \t ", ""), ("a", "a"), (" a b\t", "a b"), ("\ta", "a"), ("a\r\n", "a\r\n")])
    func blanksAreTakenOffAtBothEnds(text: String, rest: String) {
        #expect(String(decoding: Array(text.utf8)[...].trimmed, as: UTF8.self) == rest)
    }

    @Test func wordsAreComparedWithoutTheirCase() {
        #expect(Array("Close".utf8).spells("close") && !Array("closed".utf8).spells("close"))
        #expect(!Array("clos".utf8).spells("close") && Array("".utf8).spells(""))
        #expect(Array("aB[".utf8).equalsIgnoringCase(Array("Ab[".utf8)))
        #expect(!Array("[".utf8).equalsIgnoringCase(Array("{".utf8)), "the two differ by the bit that makes lower case")
    }

    @Test func theElementsOfAllFieldsOfANameAreOneList() {
        var fields = FieldBlock()
        fields.append(name: "connection", value: " , keep-alive ,,\tX-Mine")
        fields.append(name: "accept", value: "close")
        fields.append(name: "connection", value: "Upgrade")
        fields.append(name: "connection", value: "")
        var seen: [String] = []
        fields.forEachElement(of: .connection) { seen.append(String(decoding: $0, as: UTF8.self)) }
        #expect(seen == ["keep-alive", "X-Mine", "Upgrade"])
        #expect(fields.lists(.connection, "upgrade") && fields.lists(.connection, "x-mine"))
        #expect(!fields.lists(.connection, "close") && !fields.lists(.connection, "keep"))
    }
}
