// Decodes the keys of JSON objects, for readers that do not use simdjson.

/// Decodes the keys of JSON objects.
enum JSONKey {
    /// The name that a key spells.
    ///
    /// Escapes such as `\u0066` for ASCII characters are decoded; other escapes are not.
    ///
    /// - Parameter key: The bytes between the quotation marks.
    static func name(_ key: some Collection<UInt8>) -> String {
        guard key.contains(UInt8(ascii: "\\")) else { return String(decoding: key, as: UTF8.self) }
        let bytes = Array(key)
        var name: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if let byte = letter(bytes[index...].prefix(6)) {
                name.append(byte)
                index += 6
            } else {
                name.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: name, as: UTF8.self)
    }

    /// The ASCII character that an escape such as `\u0066` spells; nil for anything else.
    private static func letter(_ escape: ArraySlice<UInt8>) -> UInt8? {
        guard escape.count == 6, escape.starts(with: #"\u00"#.utf8) else { return nil }
        return UInt8(String(decoding: escape.dropFirst(4), as: UTF8.self), radix: 16).flatMap { $0 < 0x80 ? $0 : nil }
    }
}
