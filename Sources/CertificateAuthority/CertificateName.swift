// The DNS names and IP addresses that a certificate is valid for.

internal import COpenSSL
internal import Transport

/// A DNS name or an IP address of a certificate.
///
/// The name has no characters, such as commas, that could add another name to the text from which OpenSSL makes the SAN
/// extension.
enum CertificateName: Hashable {
    case dns(String)
    case address([UInt8], text: String)

    var extensionText: String {
        switch self {
        case .dns(let name): "DNS:\(name)"
        case .address(_, let text): "IP:\(text)"
        }
    }

    /// Recognizes each name as an IP address or as a DNS name.
    ///
    /// DNS names are converted to lower case.
    ///
    /// - Throws: when `names` is empty, or a name is neither a DNS name nor an IP address.
    static func checked(_ names: [String]) throws(TLSError) -> [CertificateName] {
        guard !names.isEmpty else { throw TLSError(.configuration, "a certificate needs a name") }
        var checked: [CertificateName] = []
        for name in names {
            if let octets = unsafe a2i_IPADDRESS(name) {
                let address = unsafe Array(
                    UnsafeBufferPointer(start: ASN1_STRING_get0_data(octets), count: Int(ASN1_STRING_length(octets)))
                )
                unsafe ASN1_OCTET_STRING_free(octets)
                checked.append(.address(address, text: name))
                continue
            }
            ERR_clear_error()
            let isPlain = name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "*"): true
                default: byte.isAlphanumeric
                }
            }
            guard isPlain, (1...253).contains(name.utf8.count) else {
                throw TLSError(.configuration, "'\(name)' is neither a DNS name nor an address")
            }
            checked.append(.dns(name.lowercased()))
        }
        return checked
    }
}
