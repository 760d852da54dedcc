// The header fields of clients that an operator lets through to an executor (`forward_fields`).
package import Configuration
internal import HTTP
internal import Transport

/// What an executor gets of a client's fields beside those that every executor gets.
package struct ForwardedFields: Sendable, Equatable {
    private let exact: [[UInt8]]
    /// Beginnings of names.
    private let prefixes: [[UInt8]]
    let hasUserAgent: Bool

    /// - Parameter settings: From the common ones to the executor's own. Their fields add up; of `user-agent` the last
    ///   one that says something holds.
    package init(_ settings: [ForwardSettings]) {
        let names = settings.flatMap(\.fields)
        exact = names.filter { !$0.hasSuffix("*") }.map { Array($0.utf8) }
        prefixes = names.filter { $0.hasSuffix("*") }.map { Array($0.utf8.dropLast()) }
        hasUserAgent = settings.compactMap(\.userAgent).last ?? true
    }

    /// Whether a field passes whose name is in no list of the edge's.
    func has(_ name: ArraySlice<UInt8>) -> Bool {
        // Of SDKs and agents, a dozen in a request.
        if begins(name, "x-stainless-") || begins(name, "x-codex-") { return !FieldName.holdsCredential(name) }
        return names(name)
    }

    /// Whether the settings name the field.
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
