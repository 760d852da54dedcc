import Testing

@testable import HTTP

@Suite struct FieldBlockTests {
    @Test func missingFieldsAreAppendedAndOthersStay() {
        var block = FieldBlock()
        block.append(.cacheControl, "no-cache")
        block.append(name: "x-one", value: "1")
        var others = FieldBlock()
        others.append(name: "cache-control", value: "no-store")
        others.append(name: "x-one", value: "2")
        others.append(name: "strict-transport-security", value: "max-age=1")
        block.appendMissing(others)
        #expect(block.count == 3 && block.string(.cacheControl) == "no-cache" && block.string(named: "x-one") == "1")
        #expect(block.string(named: "strict-transport-security") == "max-age=1")
    }

    @Test func numbersAreText() {
        var fields = FieldBlock()
        fields.append(.retryAfter, 120)
        #expect(fields.string(.retryAfter) == "120")
    }
}
