// The TLS settings of one listener, apart from its certificates.

internal import COpenSSL

/// The settings that all TLS connections of a listener share.
package struct TLSServerSettings: Equatable, Sendable {
    /// A version of TLS, as the configuration names it.
    package enum Version: String, CaseIterable, Sendable {
        case tls12 = "1.2"
        case tls13 = "1.3"

        /// The number of the version in OpenSSL.
        var number: CInt { self == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION }
    }

    /// The groups for the key exchange that a listener offers by default, the preferred group first.
    package static let usualGroups = ["X25519MLKEM768", "X25519", "P-256", "P-384"]

    /// Whether clients may choose HTTP/2 by ALPN.
    package var offersHTTP2 = true
    /// The lowest version of TLS that clients may use.
    package var minimum = Version.tls12
    /// The groups for the key exchange, the preferred group first.
    ///
    /// Names that OpenSSL does not know are ignored.
    package var groups = Self.usualGroups
    /// Whether a client is refused unless it sends a server name (SNI) that one of the certificates has.
    package var needsServerName = false
    /// The authorities that issue the certificates of clients; nil if clients are not asked for a certificate.
    package var clients: ClientAuthorities?

    /// Makes settings with the default values of the configuration.
    package init() {}

    /// The names in `groups` that OpenSSL knows, in the same order.
    ///
    /// If two names stand for the same group, only the first name is returned.
    package static func usable(_ groups: [String]) -> [String] {
        guard let context = unsafe SSL_CTX_new(TLS_method()) else { fatalError("OpenSSL cannot make a context") }
        defer { unsafe SSL_CTX_free(context) }
        var usable: [String] = []
        for group in groups {
            let list = (usable + [group]).joined(separator: ":")
            if unsafe copenssl_SSL_CTX_set1_groups_list(context, list) == 1 { usable.append(group) }
        }
        ERR_clear_error()
        return usable
    }
}
