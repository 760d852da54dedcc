// A whole JSON value as a tree, for documents that are read rarely, such as engines' errors.
//
// The reader below does not use simdjson, for three reasons. Code that makes this tree from simdjson's results would
// hardly be shorter than the reader. simdjson treats numbers out of range, lone surrogates and deep nesting differently
// from the reader. And the fuzzer compares the results of simdjson with those of an independent reader, which is this
// reader.
internal import Transport

/// Any JSON value.
///
/// An object keeps the order of its members. If several members have the same key, a lookup returns the first of them.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A member of an object.
    package struct Member: Equatable, Sendable {
        /// The key, unescaped.
        package var key: String
        package var value: JSONValue
        /// Makes a member from its key and its value.
        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Parses one value, with only white space around it.
    ///
    /// - Returns: nil if the bytes are not JSON, or nest deeper than 256 levels.
    package init?(parsing bytes: [UInt8]) {
        var reader = JSONReader(bytes: bytes)
        guard let value = reader.document() else { return nil }
        self = value
    }

    /// Closes the string, the arrays and the objects that are open at the end of a cut-off document, and parses the
    /// result.
    ///
    /// - Returns: nil if the closed document is not JSON.
    package init?(parsingCut bytes: [UInt8]) {
        guard let cut = Cut(bytes) else { return nil }
        let whole = cut.isString ? Self.closingString(bytes, isEscaped: cut.isEscaped) : bytes
        self.init(parsing: whole + cut.open.reversed())
    }

    /// Closes the string in which the bytes end.
    ///
    /// An incomplete escape or character at the end of the bytes is removed first.
    ///
    /// - Parameter isEscaped: Whether the string ends in the backslash of an escape.
    private static func closingString(_ bytes: [UInt8], isEscaped: Bool) -> [UInt8] {
        var whole = bytes
        if isEscaped { whole.removeLast() }
        if let escape = whole.suffix(6).lastIndex(of: UInt8(ascii: "\\")), whole.count - escape < 6,
            whole[(escape + 1)...].first == UInt8(ascii: "u")
        {
            whole.removeLast(whole.count - escape)
        }
        while let last = whole.last, last & 0xC0 == 0x80 { whole.removeLast() }
        if let last = whole.last, last >= 0xC0 { whole.removeLast() }
        whole.append(UInt8(ascii: "\""))
        return whole
    }

    /// The string, the arrays and the objects that are open at the end of a document that was cut off.
    private struct Cut {
        /// The bytes that close the open arrays and objects; the byte for the innermost one is the last.
        private(set) var open: [UInt8] = []
        private(set) var isString = false
        /// Whether the open string ends in the backslash of an escape.
        private(set) var isEscaped = false

        /// Finds the string, the arrays and the objects that are open at the end of `bytes`, a cut-off document.
        ///
        /// The result is nil if the bytes close an array or an object that is not open.
        init?(_ bytes: [UInt8]) {
            for byte in bytes {
                if isEscaped {
                    isEscaped = false
                } else if isString {
                    isEscaped = byte == UInt8(ascii: "\\")
                    isString = byte != UInt8(ascii: "\"")
                } else {
                    guard take(byte) else { return nil }
                }
            }
        }

        /// Records that a byte outside of strings opens a string, or opens or closes an array or an object.
        ///
        /// - Returns: false if the byte closes an array or an object that is not open.
        private mutating func take(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "\""): isString = true
            case UInt8(ascii: "{"): open.append(UInt8(ascii: "}"))
            case UInt8(ascii: "["): open.append(UInt8(ascii: "]"))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): return open.popLast() == byte
            default: break
            }
            return true
        }
    }

    /// The value of a member; nil if the member is absent or the value is not an object.
    package subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        for member in members where member.key == key { return member.value }
        return nil
    }

    /// The text of a string; nil for any other value.
    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
    /// The value of a boolean; nil for any other value.
    package var bool: Bool? {
        guard case .bool(let truth) = self else { return nil }
        return truth
    }
    /// The value of a number; nil for any other value.
    package var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }
    /// The value of a whole number, also if it was written as `3.0`; nil for any other value.
    package var integer: Int? {
        switch self {
        case .integer(let number): number
        case .double(let number): Int(exactly: number)
        default: nil
        }
    }
    /// The elements of an array; nil for any other value.
    package var array: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }
    /// The value as JSON.
    package var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// Whether the value is null.
    package var isNull: Bool { self == .null }
}

/// A recursive-descent parser of JSON (RFC 8259), for documents of at most `depthMax` levels.
private struct JSONReader {
    private static let depthMax = 256

    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads the whole document.
    mutating func document() -> JSONValue? {
        guard let value = value(depth: 0) else { return nil }
        skipSpace()
        return position == bytes.count ? value : nil
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    /// Skips the next byte if it equals `byte`; false if it does not.
    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) -> JSONValue? {
        guard depth < Self.depthMax else { return nil }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return literal("true", .bool(true))
        case UInt8(ascii: "f"): return literal("false", .bool(false))
        case UInt8(ascii: "n"): return literal("null", .null)
        default: return number()
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) -> JSONValue? {
        for byte in String(describing: text).utf8 where !take(byte) { return nil }
        return value
    }

    private mutating func object(depth: Int) -> JSONValue? {
        position += 1
        var members: [JSONValue.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\""), let key = string() else { return nil }
            skipSpace()
            guard take(UInt8(ascii: ":")), let value = value(depth: depth + 1) else { return nil }
            members.append(JSONValue.Member(key, value))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func array(depth: Int) -> JSONValue? {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            guard let value = value(depth: depth + 1) else { return nil }
            values.append(value)
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func string() -> String? {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"): guard escape(into: &text) else { return nil }
            case 0..<0x20: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape(into text: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            guard let scalar = escapedScalar() else { return false }
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: return false
        }
        return true
    }

    /// Reads the rest of a `\u` escape after its `\u`, and the second escape if the first one begins a surrogate pair.
    ///
    /// Half of a surrogate pair is read as U+FFFD.
    private mutating func escapedScalar() -> Unicode.Scalar? {
        guard let first = fourDigits() else { return nil }
        guard first & 0xFC00 == 0xD800 else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        let start = position
        if take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let second = fourDigits(), second & 0xFC00 == 0xDC00 {
            return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF)
        }
        position = start
        return "\u{FFFD}"
    }

    private mutating func fourDigits() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        var number: UInt32 = 0
        for _ in 0..<4 {
            let digit = bytes[position].hexDigitValue
            position += 1
            guard let digit else { return nil }
            number = number << 4 | UInt32(digit)
        }
        return number
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = next, byte.isDigit { position += 1 }
        return position > start
    }

    private mutating func number() -> JSONValue? {
        let start = position
        var isWhole = true
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) {
            guard digits() else { return nil }
        }
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard digits() else { return nil }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard digits() else { return nil }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let number = Int(text) { return .integer(number) }
        return Double(text).map { .double($0) }
    }
}
