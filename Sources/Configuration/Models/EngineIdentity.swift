// What makes two entries of a configuration, or of two configurations, mean the same engine.
package import Transport

/// The URL, address, key and certificate authorities of an engine.
///
/// Two entries for which these are equal mean the same engine.
package struct EngineIdentity: Hashable, Sendable {
    /// The URL of the engine.
    package var url: ExecutorURL
    /// What the name in the URL stands for.
    package var resolve: ExecutorSettings.Resolve
    /// The address of the engine, if each address of the name is one; nil otherwise.
    package var address: ResolvedAddress?
    /// The key that the engine gets; nil if it gets none.
    package var apiKey: String?
    /// The file of the certificate authorities to trust; nil means the system's.
    package var certificateAuthorityPath: String?

    /// Returns the identity of the engine that an entry means.
    package init(_ settings: ExecutorSettings) {
        url = settings.url
        resolve = settings.resolve
        address = settings.address
        apiKey = settings.apiKey
        certificateAuthorityPath = settings.certificateAuthorityPath
    }
    /// The engine in logs and metrics: `http://engine.internal:8000 (10.0.0.5)`, without the address if it is the only
    /// engine of its name; the port is beside the address if it comes from an SRV record.
    package var name: String {
        guard let address else { return "\(url)" }
        guard resolve == .srv else { return "\(url) (\(address.host))" }
        return "\(url.scheme.rawValue)://\(url.host)\(url.pathPrefix) (\(address.withPort))"
    }

    /// Whether both are reached at the same URL and address, perhaps with different keys or authorities.
    package func hasPlace(of other: EngineIdentity) -> Bool {
        url == other.url && resolve == other.resolve && address == other.address
    }
}
