// What of a request's query an executor gets: all but credentials, which some APIs take there (`?key=`, `?api_key=`).
internal import HTTP
internal import Inference

enum QueryPolicy {
    /// The target as it goes to an executor: members of its query that are named like credentials are left out.
    static func withoutCredentials(_ target: RequestTarget) -> [UInt8] {
        let query = target.bytes[target.path.endIndex...]
        guard !query.isEmpty else { return target.bytes }
        let members = query.dropFirst().split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let kept = members.filter { !isCredential($0.prefix { $0 != UInt8(ascii: "=") }) }
        guard kept.count < members.count else { return target.bytes }
        guard !kept.isEmpty else { return Array(target.path) }
        return Array(target.path) + [UInt8(ascii: "?")] + kept.joined(separator: [UInt8(ascii: "&")])
    }

    /// By the words of the name, however it joins and escapes them: `api_key`, `apiKey`, `access%5Ftoken`.
    private static func isCredential(_ name: ArraySlice<UInt8>) -> Bool {
        guard let text = String(decoding: name, as: UTF8.self).removingEscapes else { return true }
        let joints = Set("_.[] +")
        let words = Array(String(text.map { joints.contains($0) ? "-" : $0 }).lowercased().utf8)
        return FieldName.holdsCredential(words[...])
    }
}

extension String {
    /// The text that percent escapes stand for; nil where they are none, or stand for no UTF-8.
    fileprivate var removingEscapes: String? {
        guard utf8.contains(UInt8(ascii: "%")) else { return self }
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
