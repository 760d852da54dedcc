// The identity of an engine. Entries with the same identity refer to the same engine, even in different configurations.
package import Transport

/// The URL, address, API key and certificate authorities of an engine.
///
/// Two entries of a configuration with equal identities refer to the same engine.
package struct EngineIdentity: Hashable, Sendable {
    /// The URL of the engine.
    package var url: ExecutorURL
    /// How many engines the host name in the URL stands for: a single engine, or one for each address of the name.
    package var resolve: ExecutorSettings.Resolve
    /// The address of the engine if each address of the host name stands for an engine; nil otherwise.
    package var address: ResolvedAddress?
    /// The API key that the edge sends to the engine; nil if the edge sends none.
    package var apiKey: String?
    /// The file of the certificate authorities to trust; nil means the authorities that the system trusts.
    package var certificateAuthorityPath: String?

    /// Makes the identity of the engine to which an entry of a configuration refers.
    package init(_ settings: ExecutorSettings) {
        url = settings.url
        resolve = settings.resolve
        address = settings.address
        apiKey = settings.apiKey
        certificateAuthorityPath = settings.certificateAuthorityPath
    }
    /// The name of the engine in logs and metrics: its URL, and `address` in parentheses unless `address` is nil.
    ///
    /// An example is `http://engine.internal:8000 (10.0.0.5)`. If the port comes from an SRV record, the port follows
    /// the address.
    package var name: String {
        guard let address else { return "\(url)" }
        guard resolve == .srv else { return "\(url) (\(address.host))" }
        return "\(url.scheme.rawValue)://\(url.host)\(url.pathPrefix) (\(address.withPort))"
    }

    /// Whether both engines have the same URL and address; their API keys and certificate authorities may differ.
    package func hasPlace(of other: EngineIdentity) -> Bool {
        url == other.url && resolve == other.resolve && address == other.address
    }
}
