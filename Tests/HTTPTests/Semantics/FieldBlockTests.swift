import HTTP
import Testing

@Suite struct FieldBlockTests {
    @Test func numbersAreText() {
        var fields = FieldBlock()
        fields.append(.retryAfter, 120)
        #expect(fields.string(.retryAfter) == "120")
    }
}
