// How an executor is told who is calling: our key for it, in the field that its kind reads.
package import Configuration
internal import HTTP

/// An executor's `api_key`.
package struct ExecutorCredential: Sendable {
    private let key: String
    private let isAnthropic: Bool

    package init(key: String, kind: ExecutorSettings.Kind) {
        self.key = key
        isAnthropic = kind == .anthropic
    }

    /// Anthropic reads `x-api-key` and wants to be told a version of its API; all others read a bearer token (RFC 6750).
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
