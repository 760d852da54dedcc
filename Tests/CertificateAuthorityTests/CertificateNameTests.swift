// The names that a certificate may be for.
import Testing
import Transport

@testable import CertificateAuthority

@Suite struct CertificateNameTests {
    @Test func namesAndAddressesAreToldApart() throws {
        let checked = try CertificateName.checked(["Example.ORG", "*.wild.example", "127.0.0.1", "::1"])
        #expect(
            checked.map(\.extensionText) == ["DNS:example.org", "DNS:*.wild.example", "IP:127.0.0.1", "IP:::1"]
        )
        guard case .address(let bytes, _) = checked[2] else { return #expect(Bool(false), "\(checked[2])") }
        #expect(bytes == [127, 0, 0, 1])
    }

    /// A comma or a line end would begin a further name in the text of the extension.
    @Test(arguments: ["", "a,DNS:evil.example", "a b", "a\nb", "a:b", "é", "a/b", String(repeating: "a", count: 254)])
    func otherTextsAreRefused(name: String) {
        #expect(throws: TLSError.self) { try CertificateName.checked(["good.example", name]) }
    }

    @Test func thereIsAtLeastOne() {
        #expect(throws: TLSError.self) { try CertificateName.checked([]) }
        #expect(throws: Never.self) { try CertificateName.checked([String(repeating: "a", count: 253)]) }
    }
}
