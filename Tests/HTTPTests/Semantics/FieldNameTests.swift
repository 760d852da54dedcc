import HTTP
import Testing

@Suite struct FieldNameTests {
    @Test(arguments: FieldName.allCases) func everyNameIsKnownByItsText(name: FieldName) {
        let text = Array(String(describing: name.text).utf8)
        #expect(FieldName(lowercase: text[...]) == name)
        #expect(FieldName(lowercase: (text + [0x78])[...]) == .other)
    }

    @Test func namesBeyondAllOfOursAreOthers() {
        for count in 29...40 { #expect(FieldName(lowercase: [UInt8](repeating: 0x78, count: count)[...]) == .other) }
    }
}
