// Removes credentials from the query of a request before it is sent to an executor: some APIs take keys there
// (`?key=`).
internal import Configuration
internal import HTTP
internal import Inference

/// Functions without state.
enum QueryPolicy {
    /// The target without those members of its query whose names are like those of credentials.
    static func withoutCredentials(_ target: RequestTarget) -> [UInt8] {
        let query = target.bytes[target.path.endIndex...]
        guard !query.isEmpty else { return target.bytes }
        let members = query.dropFirst().split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let kept = members.filter { !isCredential($0.prefix { $0 != UInt8(ascii: "=") }) }
        guard kept.count < members.count else { return target.bytes }
        guard !kept.isEmpty else { return Array(target.path) }
        return Array(target.path) + [UInt8(ascii: "?")] + kept.joined(separator: [UInt8(ascii: "&")])
    }

    /// Whether a member of a query may hold a credential, by the words of its name: `api_key`, `access%5Ftoken`.
    ///
    /// A name whose escapes cannot be decoded counts as one, since another server may read other words in it.
    private static func isCredential(_ name: ArraySlice<UInt8>) -> Bool {
        let decoded = percentDecoded(name)
        let escapes = name.count { $0 == UInt8(ascii: "%") }
        guard name.count - decoded.count == 2 * escapes, let text = String(validating: decoded, as: UTF8.self) else {
            return true
        }
        let joints = Set("_.[] +")
        let words = Array(String(text.map { joints.contains($0) ? "-" : $0 }).lowercased().utf8)
        return FieldName.holdsCredential(words[...])
    }
}
