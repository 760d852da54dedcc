// The character classes of RFC 9110, case-insensitive comparison, and parsing of comma-separated field values.
internal import Transport

/// Names for the bytes that have a meaning in the syntax of HTTP/1.1.
enum HTTP1Byte {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0a
    static let carriageReturn: UInt8 = 0x0d
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let asterisk: UInt8 = 0x2a
    static let comma: UInt8 = 0x2c
    static let slash: UInt8 = 0x2f
    static let zero: UInt8 = 0x30
    static let colon: UInt8 = 0x3a
    static let semicolon: UInt8 = 0x3b
    static let equals: UInt8 = 0x3d
    static let question: UInt8 = 0x3f
    static let backslash: UInt8 = 0x5c
}

extension UInt8 {
    /// Whether the byte is optional whitespace (`OWS` of RFC 9110 section 5.6.3).
    var isBlank: Bool { self == HTTP1Byte.space || self == HTTP1Byte.tab }
    /// Whether the byte is allowed in a field value or a reason phrase: HTAB, or any byte that is not a control
    /// character.
    var isFieldText: Bool { (self >= 0x20 && self != 0x7f) || self == HTTP1Byte.tab }

    /// Whether the byte is a `tchar` (RFC 9110 section 5.6.2).
    ///
    /// Methods and field names consist of these characters.
    package var isToken: Bool {
        switch self {
        case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x30...0x39, 0x41...0x5a, 0x5e...0x7a, 0x7c, 0x7e: true
        default: false
        }
    }
}

extension Collection<UInt8> {
    /// Whether the bytes equal `text` without regard to case.
    ///
    /// `text` must be in lower case.
    func spells(_ text: String) -> Bool {
        count == text.utf8.count && zip(self, text.utf8).allSatisfy { $0.lowercased == $1 }
    }

    /// Whether the two byte sequences are equal without regard to case.
    func equalsIgnoringCase(_ other: some Collection<UInt8>) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0.lowercased == $1.lowercased }
    }
}

extension ArraySlice<UInt8> {
    /// The bytes without optional whitespace at both ends.
    package var trimmed: ArraySlice<UInt8> {
        var slice = self
        while let first = slice.first, first.isBlank { slice = slice.dropFirst() }
        while let last = slice.last, last.isBlank { slice = slice.dropLast() }
        return slice
    }
}

extension FieldBlock {
    /// Calls `body` with each element of a comma-separated list, over all fields with this name.
    ///
    /// Empty elements are skipped.
    func forEachElement<Failure: Error>(
        of name: FieldName,
        _ body: (ArraySlice<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        for index in 0..<count where known(index) == name {
            var rest = value(index)
            while !rest.isEmpty {
                let end = rest.firstIndex(of: HTTP1Byte.comma) ?? rest.endIndex
                let element = rest[..<end].trimmed
                if !element.isEmpty { try body(element) }
                rest = end == rest.endIndex ? rest[end...] : rest[(end + 1)...]
            }
        }
    }

    /// Whether the list in the field `name` contains `element`, without regard to case.
    ///
    /// `element` must be in lower case.
    func lists(_ name: FieldName, _ element: String) -> Bool {
        var found = false
        forEachElement(of: name) { found = found || $0.spells(element) }
        return found
    }
}
