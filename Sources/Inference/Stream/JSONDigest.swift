// Reduces a JSON document of any size, as it arrives, to a small document. Only the small document is then parsed.

/// Reads a document byte by byte, and keeps only the members that report an error, a finish reason or the usage.
///
/// The result, `kept`, is a small JSON document.
struct JSONDigest: Sendable {
    /// The role of a value: it decides which members of the value are kept.
    private enum Role: Sendable {
        case root
        /// The value of the member `response`, `message`, `x_groq` or `Response` (in Tencent's responses).
        case nested
        case choices
        case choice
        case delta
        /// A value that is kept entirely, such as a `usage` object or an error.
        case all
    }

    /// An array or object that is kept and whose end has not been read yet.
    private struct Level: Sendable {
        var role: Role
        var isArray: Bool
        var isEmpty = true
    }

    /// The kind of the string that is being read.
    private enum Text: Sendable { case none, key, kept, skipped }

    /// The number of kept bytes after which no further value is kept.
    static let limit = 4 * 1024
    /// The largest number of bytes of one string that are kept.
    static let textLimit = 1024
    /// The largest length, in bytes, of the key of a member that is kept.
    private static let keyLimit = 96
    /// The greatest depth of a value that is kept.
    private static let depthLimit = 12

    /// The reduced document so far.
    private(set) var kept: [UInt8] = []
    private var levels: [Level] = []
    /// How deep the reader is inside of an array or object that is not kept; 0 outside of such a value.
    private var skipped = 0
    /// The last key that was read, with its escapes as they were written.
    private var key: [UInt8] = []
    private var expectsKey = false
    private var text = Text.none
    private var textLength = 0
    /// Whether the string that is being read is longer than `textLimit`; its bytes after the limit are not kept.
    private var isCut = false
    /// Whether the last byte was the backslash of an escape.
    private var isEscape = false
    /// The number of digits of a `\u` escape that have not arrived yet.
    private var hexLeft = 0
    private var isInScalar = false
    private var keepsScalar = false
    private var isEnded = false
    private var isBad = false

    /// Whether exactly one document has been read, with only white space after it.
    var isWhole: Bool { !isBad && (isEnded || (isInScalar && levels.isEmpty && skipped == 0)) }

    /// Reads the next bytes of the document.
    ///
    /// Values that are not kept are skipped fast, because they make up nearly all of a large document.
    mutating func take(_ bytes: Span<UInt8>) {
        var index = 0
        while index < bytes.count {
            if skipped > 0 || text == .skipped { index = skip(bytes, from: index) }
            guard index < bytes.count else { return }
            take(bytes[index])
            index += 1
        }
    }

    /// Skips bytes of a value that is not kept, up to the next quotation mark, bracket, brace or backslash.
    ///
    /// - Returns: The index of the first byte that was not skipped.
    private func skip(_ bytes: Span<UInt8>, from start: Int) -> Int {
        guard !isEscape, hexLeft == 0 else { return start }
        var index = start
        if text == .skipped {
            while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\") {
                index += 1
            }
        } else if text == .none {
            // The OR maps the brackets and braces (0x5B, 0x5D, 0x7B, 0x7D) to 0x7F. It also maps a few other bytes to
            // 0x7F. At such a byte the loop ends early. That does no harm, because the caller reads the byte without
            // keeping it, and then calls this function again.
            while index < bytes.count, bytes[index] | 0x26 != 0x7F, bytes[index] != UInt8(ascii: "\"") { index += 1 }
        }
        return index
    }

    /// Reads the next byte of the document.
    mutating func take(_ byte: UInt8) {
        if text != .none {
            takeText(byte)
            return
        }
        // A byte order mark is skipped byte by byte. The order of its bytes is not checked, because no JSON value
        // begins with one of them.
        if kept.isEmpty, skipped == 0, !isInScalar, Self.isOfByteOrderMark(byte) { return }
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: endScalar()
        case UInt8(ascii: "\""): beginText()
        case UInt8(ascii: "{"), UInt8(ascii: "["): open(byte)
        case UInt8(ascii: "}"), UInt8(ascii: "]"): close(byte)
        case UInt8(ascii: ","): takeComma()
        case UInt8(ascii: ":"): expectsKey = false
        default: takeScalar(byte)
        }
    }

    @inline(__always)
    private static func isOfByteOrderMark(_ byte: UInt8) -> Bool { byte == 0xEF || byte == 0xBB || byte == 0xBF }

    @inline(__always)
    private mutating func takeComma() {
        endScalar()
        isBad = isBad || (levels.isEmpty && skipped == 0)
        if skipped == 0 { expectsKey = levels.last?.isArray == false }
    }

    /// Reads a byte of a number, or of `true`, `false` or `null`.
    @inline(__always)
    private mutating func takeScalar(_ byte: UInt8) {
        if !isInScalar {
            isInScalar = true
            keepsScalar = beginValue() != nil
        }
        if keepsScalar, kept.count < Self.limit + Self.textLimit { kept.append(byte) }
    }

    // MARK: Strings

    private mutating func beginText() {
        if skipped == 0, expectsKey {
            text = .key
            key = []
        } else {
            text = beginValue() != nil ? .kept : .skipped
        }
        textLength = 0
        isCut = false
        if text == .kept { kept.append(UInt8(ascii: "\"")) }
    }

    private mutating func takeText(_ byte: UInt8) {
        let isInEscape = isEscape || hexLeft > 0
        if isInEscape {
            takeEscape(byte)
        } else if byte == UInt8(ascii: "\\") {
            isEscape = true
        } else if byte == UInt8(ascii: "\"") {
            endText()
            return
        }
        textLength += 1
        keepText(byte, isInEscape: isInEscape)
    }

    /// Reads a byte of an escape, after the escape's backslash.
    @inline(__always)
    private mutating func takeEscape(_ byte: UInt8) {
        if isEscape {
            isEscape = false
            if byte == UInt8(ascii: "u") { hexLeft = 4 }
        } else {
            hexLeft -= 1
        }
    }

    @inline(__always)
    private mutating func keepText(_ byte: UInt8, isInEscape: Bool) {
        switch text {
        case .key: if key.count <= Self.keyLimit { key.append(byte) }
        case .kept:
            // The string is cut between two characters, not within a character or an escape.
            if textLength > Self.textLimit, !isInEscape, byte & 0xC0 != 0x80 { isCut = true }
            if !isCut { kept.append(byte) }
        case .none, .skipped: break
        }
    }

    private mutating func endText() {
        if text == .kept { kept.append(UInt8(ascii: "\"")) }
        let wasKey = text == .key
        text = .none
        if !wasKey { valueEnded() }
    }

    // MARK: Values

    /// Begins a value; if the value is kept, writes its key.
    ///
    /// - Returns: The role of the value, which decides which of its members are kept; nil if the value is not kept.
    private mutating func beginValue() -> Role? {
        guard skipped == 0 else { return nil }
        guard let level = levels.last else {
            isBad = isBad || isEnded
            return isEnded ? nil : .root
        }
        guard kept.count < Self.limit, levels.count < Self.depthLimit else { return nil }
        guard let role = level.isArray ? Self.element(of: level.role) : member(of: level.role) else { return nil }
        if !level.isEmpty { kept.append(UInt8(ascii: ",")) }
        levels[levels.count - 1].isEmpty = false
        if !level.isArray {
            kept.append(UInt8(ascii: "\""))
            kept += key
            kept += [UInt8(ascii: "\""), UInt8(ascii: ":")]
        }
        return role
    }

    /// Returns the role of the elements of an array that has the role `role`; nil if the elements are not kept.
    ///
    /// The role of a value decides which of its members are kept.
    private static func element(of role: Role) -> Role? {
        switch role {
        case .choices: .choice
        case .all: .all
        // Gemini sends an error as an array with one element. The element is read as if it were the whole document.
        case .root: .root
        case .nested, .choice, .delta: nil
        }
    }

    /// Returns the role of the member that `key` names in an object with the role `role`; nil if the member is not
    /// kept.
    ///
    /// The role of a value decides which of its members are kept.
    private func member(of role: Role) -> Role? {
        guard key.count <= Self.keyLimit else { return nil }
        let name = JSONKey.name(key)
        switch (role, name) {
        case (.all, _): return .all
        case (.root, "choices"): return .choices
        case (.root, "message"), (.root, "response"), (.root, "x_groq"), (.root, "Response"): return .nested
        case (.root, "delta"): return .delta
        case (.root, "type"), (.root, "object"), (.root, "code"), (.root, "status"), (.root, "detail"),
            (.root, "param"), (.root, "msg"), (.root, "errors"), (.root, "success"), (.root, "base_resp"),
            (.root, "status_code"), (.root, "statusCode"), (.root, "error_type"), (.root, "__type"),
            (.root, "errorType"), (.root, "errorMessage"), (.root, "error_code"), (.root, "error_msg"):
            return .all
        case (.root, "timings"), (.root, "usage"), (.root, "error"), (.root, "Error"), (.root, "stop_reason"),
            (.nested, "usage"), (.nested, "error"), (.nested, "Error"), (.nested, "status"), (.choice, "index"),
            (.choice, "finish_reason"),
            (.choice, "error"),
            (.choice, "usage"), (.nested, "stop_reason"), (.delta, "stop_reason"):
            return .all
        default: return nil
        }
    }

    private mutating func open(_ byte: UInt8) {
        let isArray = byte == UInt8(ascii: "[")
        guard let role = beginValue() else {
            skipped += 1
            return
        }
        kept.append(byte)
        levels.append(Level(role: role, isArray: isArray))
        expectsKey = !isArray
    }

    private mutating func close(_ byte: UInt8) {
        endScalar()
        if skipped > 0 {
            skipped -= 1
            valueEnded()
            return
        }
        guard let level = levels.popLast(), level.isArray == (byte == UInt8(ascii: "]")) else {
            isBad = true
            return
        }
        kept.append(byte)
        valueEnded()
    }

    private mutating func endScalar() {
        guard isInScalar else { return }
        isInScalar = false
        valueEnded()
    }

    private mutating func valueEnded() {
        expectsKey = false
        if levels.isEmpty, skipped == 0 { isEnded = true }
    }
}
