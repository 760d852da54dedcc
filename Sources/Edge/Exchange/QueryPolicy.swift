// Removes credentials from the query of a request before the request is sent to an executor. Some APIs take an API key
// in the query (`?key=`).
internal import Configuration
internal import HTTP
internal import Inference

/// Removes credentials from the query of a request target.
enum QueryPolicy {
    /// The request target without the query parameters whose names suggest a credential.
    static func withoutCredentials(_ target: RequestTarget) -> [UInt8] {
        let query = target.bytes[target.path.endIndex...]
        guard !query.isEmpty else { return target.bytes }
        let members = query.dropFirst().split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let kept = members.filter { !isCredential($0.prefix { $0 != UInt8(ascii: "=") }) }
        guard kept.count < members.count else { return target.bytes }
        guard !kept.isEmpty else { return Array(target.path) }
        return Array(target.path) + [UInt8(ascii: "?")] + kept.joined(separator: [UInt8(ascii: "&")])
    }

    /// Whether a query parameter may hold a credential, by the words of its name: `api_key`, `access%5Ftoken`.
    ///
    /// A name with invalid escapes counts as a credential, because another server may decode the name differently.
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
