// What makes two entries of a configuration, or of two configurations, mean the same engine.

/// The URL, key and certificate authorities of an engine.
///
/// Two entries for which these are equal mean the same engine.
package struct EngineIdentity: Hashable, Sendable {
    package var url: ExecutorURL
    package var apiKey: String?
    package var certificateAuthorityPath: String?

    package init(_ settings: ExecutorSettings) {
        url = settings.url
        apiKey = settings.apiKey
        certificateAuthorityPath = settings.certificateAuthorityPath
    }
}
