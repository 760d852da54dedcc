// Sorting addresses, and writing them as text.
import Testing
import Transport

@Suite struct ResolvedAddressTests {
    @Test func addressesHaveASteadyOrder() {
        let ordered = [("9.0.0.1", 9), ("10.0.0.1", 1), ("10.0.0.1", 2), ("10.0.0.2", 1), ("::1", 1), ("fd00::1", 1)]
            .map { ResolvedAddress(host: $0.0, port: UInt16($0.1)) }
        #expect(ordered.reversed().sorted() == ordered)
    }

    @Test func anAddressIsWrittenWithItsPort() {
        #expect(ResolvedAddress(host: "10.0.0.1", port: 80).withPort == "10.0.0.1:80")
        #expect(ResolvedAddress(host: "::1", port: 80).withPort == "[::1]:80")
    }
}
