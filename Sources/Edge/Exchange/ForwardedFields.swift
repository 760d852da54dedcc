// The header fields of a client's request that the edge passes on to an executor because the configuration says so.
package import Configuration
internal import HTTP
internal import Transport

/// The settings that say which of a client's header fields one executor gets, besides the fields that every executor
/// gets.
///
/// Computed once for each executor of a configuration; immutable.
package struct ForwardedFields: Sendable, Equatable {
    private let exact: [[UInt8]]
    /// The beginnings of field names that are forwarded.
    ///
    /// In the settings, each has a `*` at its end, which is left out here.
    private let prefixes: [[UInt8]]
    /// Whether the executor gets the client's `user-agent`.
    let hasUserAgent: Bool
    /// Whether the executor gets the client's address, in `x-forwarded-for` and `x-real-ip`.
    let hasClient: Bool

    /// Combines the settings of the configuration's top level, of a model and of an executor.
    ///
    /// - Parameter settings: The settings from the most general to the executor's own. The fields of all of them pass.
    ///   For `forward_user_agent` and for `forward_client`, the last value that the settings contain is used.
    package init(_ settings: [ForwardSettings]) {
        let names = settings.flatMap(\.fields)
        exact = names.filter { !$0.hasSuffix("*") }.map { Array($0.utf8) }
        prefixes = names.filter { $0.hasSuffix("*") }.map { Array($0.utf8.dropLast()) }
        hasUserAgent = settings.compactMap(\.userAgent).last ?? true
        hasClient = settings.compactMap(\.client).last ?? false
    }

    /// Whether the executor gets the field with this name; called only for names that the enum `FieldName` does not
    /// have.
    ///
    /// - Parameter name: The name in lower case.
    func has(_ name: ArraySlice<UInt8>) -> Bool {
        // These fields pass without a setting, because SDKs and agents send about a dozen of them with each request.
        if begins(name, "x-stainless-") || begins(name, "x-codex-") { return !FieldName.holdsCredential(name) }
        return names(name)
    }

    /// Whether the settings list the field; false for a field that the edge never forwards, whatever the settings say.
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
