// Tests that numbers such as `1e3` are rewritten without an exponent.

import Testing

@testable import Configuration

@Suite struct DecimalTextTests {
    @Test(arguments: [
        ("0.0000002", "0.0000002"), ("2e-07", "0.0000002"), ("2E-7", "0.0000002"), ("1.25e-6", "0.00000125"),
        ("12.5e-1", "1.25"), ("0", "0"), ("0.10", "0.10"), ("3", "3"), ("1e2", "100"), ("1.5e1", "15"), ("0e5", "0"),
        ("1.25e1", "12.5"), ("-2e-1", "-0.2"), ("100e-2", "1.00"), ("0.5e0", "0.5"), ("1e+2", "100"),
    ])
    func exponentsAreRemoved(_ written: String, plain: String) { #expect(DecimalText.plain(written) == plain) }

    @Test(arguments: [
        "", "free", ".5", "1.", "01", "+1", "1_000", "0x1", "1e", "1e-100", "1e99999999999999999999", "-",
    ])
    func otherTextsAreNotNumbers(_ written: String) { #expect(DecimalText.plain(written) == nil) }
}
