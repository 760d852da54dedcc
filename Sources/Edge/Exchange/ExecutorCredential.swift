// The credential for an executor: the `api_key` of the configuration, in the header field that the executor's kind
// reads.
package import Configuration
internal import HTTP

/// The `api_key` of an executor, and how it is sent.
package struct ExecutorCredential: Sendable, Equatable {
    private let key: String
    private let isAnthropic: Bool

    /// - Parameters:
    ///   - key: The key as the executor expects it.
    ///   - kind: The kind of executor, which decides on the header field.
    package init(key: String, kind: ExecutorSettings.Kind) {
        self.key = key
        isAnthropic = kind == .anthropic
    }

    /// Adds the header fields of the credential.
    ///
    /// Anthropic's API reads `x-api-key`, and requires a version of the API in `anthropic-version`; a version that
    /// `fields` already has is kept. All other kinds of executors read a bearer token in `authorization` (RFC 6750).
    func append(to fields: inout FieldBlock) {
        guard isAnthropic else {
            fields.append(.authorization, "Bearer \(key)")
            return
        }
        fields.append(.xAPIKey, key)
        if fields.first(.anthropicVersion) == nil {
            fields.append(.anthropicVersion, "2023-06-01")
        }
    }
}
