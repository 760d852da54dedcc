// The purposes of development certificates. A purpose determines the validity, the subject and the extensions.

internal import COpenSSL

/// The purpose of a development certificate.
enum CertificatePurpose {
    case authority
    case server([CertificateName])
    /// A server whose name is only in the subject, without a SAN extension, as in old certificates.
    case commonNameOnly(String)
    /// A client, whose name is in the subject.
    case client(String)

    /// How long the certificate is valid, in seconds; the time is not longer than browsers accept.
    var validity: Int64 {
        switch self {
        case .authority: 825 * 86_400 - 1
        case .server, .commonNameOnly, .client: 397 * 86_400
        }
    }

    var commonName: String {
        switch self {
        case .authority: "FreeInference development CA"
        case .server: "FreeInference development"
        case .commonNameOnly(let name), .client(let name): name
        }
    }

    /// The extensions of the certificate, each as OpenSSL's identifier (NID) and its text.
    var extensions: [(CInt, String)] {
        switch self {
        case .authority:
            [
                (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
                (NID_subject_key_identifier, "hash"),
            ]
        case .server(let names):
            Self.leafExtensions("serverAuth")
                + [(NID_subject_alt_name, names.map(\.extensionText).joined(separator: ","))]
        case .commonNameOnly: Self.leafExtensions("serverAuth")
        case .client: Self.leafExtensions("clientAuth")
        }
    }

    /// The extensions of a certificate that cannot sign other certificates; `usage` is its extended key usage.
    private static func leafExtensions(_ usage: String) -> [(CInt, String)] {
        [
            (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
            (NID_ext_key_usage, usage), (NID_subject_key_identifier, "hash"),
            (NID_authority_key_identifier, "keyid:always"),
        ]
    }
}
