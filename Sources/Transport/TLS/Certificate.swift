// A certificate (an X509 of OpenSSL): its names and dates, and checks of its key and issuer.

internal import CLinux
internal import COpenSSL
internal import Glibc

/// Owns an X509 certificate.
@safe package struct Certificate: ~Copyable {
    package let raw: OpaquePointer

    /// Takes over one reference to `raw`, which `deinit` releases.
    package init(adopting raw: OpaquePointer) { unsafe self.raw = unsafe raw }

    deinit { unsafe X509_free(raw) }

    /// Whether `key` is the private key of this certificate.
    package func belongs(to key: borrowing PrivateKey) -> Bool { unsafe X509_check_private_key(raw, key.raw) == 1 }

    /// Whether the signature on this certificate was made with `key`.
    package func isSigned(by key: borrowing PrivateKey) -> Bool {
        let valid = unsafe X509_verify(raw, key.raw) == 1
        ERR_clear_error()
        return valid
    }

    /// Whether this certificate names `issuer` as its issuer, and `issuer` is allowed to sign certificates.
    ///
    /// The signature itself is not checked.
    func isIssued(by issuer: borrowing Certificate) -> Bool {
        let isIssuer = unsafe X509_check_issued(issuer.raw, raw) == X509_V_OK
        ERR_clear_error()
        return isIssuer
    }

    /// The name and dates of the certificate, for the messages of `CertificateInspection`.
    ///
    /// - Parameter issuedPrevious: whether this certificate issued the previous certificate in the file.
    func facts(issuedPrevious: Bool) -> CertificateFacts {
        CertificateFacts(
            name: dnsNames.first ?? "without a name",
            validFrom: unsafe Self.seconds(X509_get0_notBefore(raw)),
            expires: expiry,
            issuedPrevious: issuedPrevious
        )
    }

    /// The end of the validity, in seconds since 1970.
    package var expiry: Int64 { unsafe Self.seconds(X509_get0_notAfter(raw)) }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var fields = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &fields) == 1 else { return 0 }
        return Int64(unsafe timegm(&fields))
    }

    /// The DNS names of the SAN extension in lower case; if there are none, the common name of the subject.
    var dnsNames: [String] {
        let names = alternativeDNSNames
        guard names.isEmpty else { return names }
        return commonName.map { [$0.lowercased()] } ?? []
    }

    /// The DNS names of the SAN extension, in lower case.
    package var alternativeDNSNames: [String] {
        alternativeNames(GEN_DNS).compactMap { String(validating: $0, as: UTF8.self)?.lowercased() }
    }

    /// The IP addresses of the SAN extension: 4 bytes for IPv4, 16 bytes for IPv6.
    package var addresses: [[UInt8]] { alternativeNames(GEN_IPADD) }

    private var commonName: String? {
        let subject = unsafe X509_get_subject_name(raw)
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            guard unsafe X509_NAME_get_text_by_NID(subject, NID_commonName, text.baseAddress, 256) > 0 else {
                return nil
            }
            return unsafe String(cString: text.baseAddress!)
        }
    }

    /// The bytes of each alternative name of the type `wanted`, such as `GEN_DNS`.
    ///
    /// A DNS name that contains a zero byte is skipped.
    private func alternativeNames(_ wanted: CInt) -> [[UInt8]] {
        guard let extensionData = unsafe X509_get_ext_d2i(raw, NID_subject_alt_name, nil, nil) else {
            ERR_clear_error()
            return []
        }
        let list = OpaquePointer(extensionData)
        defer { unsafe GENERAL_NAMES_free(list) }
        var found: [[UInt8]] = []
        for index in unsafe 0..<copenssl_sk_GENERAL_NAME_num(list) {
            var type: CInt = 0
            let value = unsafe GENERAL_NAME_get0_value(copenssl_sk_GENERAL_NAME_value(list, index), &type)
            guard type == wanted, let value = unsafe value else { continue }
            let text = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
            let octets = unsafe UnsafeBufferPointer(
                start: ASN1_STRING_get0_data(text),
                count: Int(ASN1_STRING_length(text))
            )
            let name = unsafe Array(octets)
            if wanted == GEN_IPADD || !name.contains(0) { found.append(name) }
        }
        return found
    }
}
