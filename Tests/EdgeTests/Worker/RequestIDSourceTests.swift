import Testing

@testable import Edge

@Suite struct RequestIDSourceTests {
    /// The first two values of splitmix64 with seed 0 are e220a8397b1dcdaf and 6e789e6aa1b965f4; version and variant
    /// bits are replaced.
    @Test func writesAVersion4UUID() {
        var source = RequestIDSource(seed: 0)
        #expect(source.next() == "e220a839-7b1d-4daf-ae78-9e6aa1b965f4")
    }

    @Test func keepsVersionAndVariant() {
        var source = RequestIDSource(seed: 1)
        for _ in 0..<1000 {
            let id = Array(source.next().utf8)
            #expect(id.count == 36)
            for (index, digit) in id.enumerated() {
                switch index {
                case 8, 13, 18, 23: #expect(digit == UInt8(ascii: "-"))
                case 14: #expect(digit == UInt8(ascii: "4"))
                case 19: #expect("89ab".utf8.contains(digit))
                default: #expect("0123456789abcdef".utf8.contains(digit))
                }
            }
        }
    }

    @Test func repeatsNone() {
        var first = RequestIDSource()
        var second = RequestIDSource()
        let seen = Set((0..<1000).flatMap { _ in [first.next(), second.next()] })
        #expect(seen.count == 2000)
    }
}
