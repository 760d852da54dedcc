// The header fields that the operator's configuration lets pass to an executor (`forward_fields`).
package import Configuration
internal import HTTP
internal import Transport

/// The header fields that one executor is sent in addition to the fields that every executor is sent.
///
/// Computed once for each executor of a configuration; immutable.
package struct ForwardedFields: Sendable, Equatable {
    private let exact: [[UInt8]]
    /// The beginnings of names that the settings list with a `*` at the end, here without the `*`.
    private let prefixes: [[UInt8]]
    /// Whether the executor is sent the client's `user-agent`.
    let hasUserAgent: Bool
    /// Whether the executor is told the client's address, in `x-forwarded-for` and `x-real-ip`.
    let hasClient: Bool

    /// Combines the settings of several sections of the configuration.
    ///
    /// - Parameter settings: The sections from the most general to the executor's own. The fields of all sections pass;
    ///   `forward_user_agent` and `forward_client` come from the last section that sets them.
    package init(_ settings: [ForwardSettings]) {
        let names = settings.flatMap(\.fields)
        exact = names.filter { !$0.hasSuffix("*") }.map { Array($0.utf8) }
        prefixes = names.filter { $0.hasSuffix("*") }.map { Array($0.utf8.dropLast()) }
        hasUserAgent = settings.compactMap(\.userAgent).last ?? true
        hasClient = settings.compactMap(\.client).last ?? false
    }

    /// Whether the field passes to the executor; called only for names that `FieldName` does not know.
    ///
    /// - Parameter name: The name in lower case.
    func has(_ name: ArraySlice<UInt8>) -> Bool {
        // The fields with these prefixes need no setting, because SDKs and agents send about a dozen of them with each
        // request.
        if begins(name, "x-stainless-") || begins(name, "x-codex-") { return !FieldName.holdsCredential(name) }
        return names(name)
    }

    /// Whether the settings list the field; false for a field that is never forwarded.
    func names(_ name: ArraySlice<UInt8>) -> Bool {
        if exact.isEmpty, prefixes.isEmpty { return false }
        guard exact.contains(where: { name.elementsEqual($0) }) || prefixes.contains(where: { name.starts(with: $0) })
        else { return false }
        return FieldName.whyNeverForwarded(name) == nil
    }

    private func begins(_ name: ArraySlice<UInt8>, _ prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        return name.count > length && name.span.extracting(first: length).equals(prefix)
    }
}
