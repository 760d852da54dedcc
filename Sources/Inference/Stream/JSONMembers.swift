// Finds the members of objects and the elements of arrays in JSON bytes, so that callers can replace single parts of a
// document and leave all other bytes as they are.

/// Finds the members of objects and the elements of arrays, by their positions in the bytes of a JSON document.
///
/// The document must be valid JSON; for other bytes the functions return nil or ranges without meaning, and never trap.
enum JSONMembers {
    /// One member of an object.
    struct Member {
        var name: String
        /// The range of the member's key with its quotation marks.
        var key: Range<Int>
        /// The range of the member's value.
        var value: Range<Int>

        /// The range of the member's key and value.
        var range: Range<Int> { key.lowerBound..<value.upperBound }
    }

    /// The members of an object; nil for any other value.
    ///
    /// The object begins at `start`, or after white space that begins at `start`.
    static func members(of json: [UInt8], at start: Int = 0) -> [Member]? {
        var members: [Member] = []
        guard var index = opening(UInt8(ascii: "{"), in: json, at: start) else { return nil }
        while true {
            skip(UInt8(ascii: ","), &index, in: json)
            guard index < json.count else { return nil }
            if json[index] == UInt8(ascii: "}") { return members }
            let key = index
            guard json[index] == UInt8(ascii: "\""), let keyEnd = end(of: index, in: json) else { return nil }
            index = keyEnd
            skip(UInt8(ascii: ":"), &index, in: json)
            guard let value = end(of: index, in: json), value > index else { return nil }
            let name = JSONKey.name(json[key + 1..<keyEnd - 1])
            members.append(Member(name: name, key: key..<keyEnd, value: index..<value))
            index = value
        }
    }

    /// The indices at which the elements of an array begin; nil for any other value.
    ///
    /// The array begins at `start`, or after white space that begins at `start`.
    static func elements(of json: [UInt8], at start: Int) -> [Int]? {
        var elements: [Int] = []
        guard var index = opening(UInt8(ascii: "["), in: json, at: start) else { return nil }
        while true {
            skip(UInt8(ascii: ","), &index, in: json)
            guard index < json.count else { return nil }
            if json[index] == UInt8(ascii: "]") { return elements }
            elements.append(index)
            guard let next = end(of: index, in: json), next > index else { return nil }
            index = next
        }
    }

    /// Skips white space from `start` on, and returns the index after `bracket`; nil if another byte follows.
    private static func opening(_ bracket: UInt8, in json: [UInt8], at start: Int) -> Int? {
        guard let index = json[start...].firstIndex(where: { $0 > 0x20 }), json[index] == bracket else { return nil }
        return index + 1
    }

    private static func skip(_ extra: UInt8, _ index: inout Int, in json: [UInt8]) {
        while index < json.count, json[index] <= 0x20 || json[index] == extra { index += 1 }
    }

    /// The index after the value that begins at `start`; nil if the value is cut off.
    private static func end(of start: Int, in json: [UInt8]) -> Int? {
        var depth = 0
        var index = start
        while index < json.count {
            switch json[index] {
            case UInt8(ascii: "\""):
                guard let mark = endOfString(at: index, in: json) else { return nil }
                index = mark
                if depth == 0 { return index + 1 }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth <= 1 { return index + depth }
                depth -= 1
            default: if depth == 0, endsScalar(json[index]) { return index }
            }
            index += 1
        }
        return nil
    }

    /// Whether a byte that follows a number, `true`, `false` or `null` ends that value.
    private static func endsScalar(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == UInt8(ascii: ",") }

    /// The index of the quotation mark that closes the string that begins at `start`; nil if the string is cut off.
    private static func endOfString(at start: Int, in json: [UInt8]) -> Int? {
        var index = start + 1
        while index < json.count, json[index] != UInt8(ascii: "\"") {
            index += json[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return index < json.count ? index : nil
    }
}
