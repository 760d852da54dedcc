// What makes two entries of a configuration, or of two configurations, mean the same engine.

/// The URL, key and certificate authorities of an engine.
///
/// Two entries for which these are equal mean the same engine.
package struct EngineIdentity: Hashable, Sendable {
    /// The URL of the engine.
    package var url: ExecutorURL
    /// The key that the engine gets; nil if it gets none.
    package var apiKey: String?
    /// The file of the certificate authorities to trust; nil means the system's.
    package var certificateAuthorityPath: String?

    /// Returns the identity of the engine that an entry means.
    package init(_ settings: ExecutorSettings) {
        url = settings.url
        apiKey = settings.apiKey
        certificateAuthorityPath = settings.certificateAuthorityPath
    }
}
