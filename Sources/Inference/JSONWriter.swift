// Writes JSON into a byte array, for error bodies, the model list and log lines.

internal import Transport

/// Appends JSON to a byte array, and inserts the commas between elements.
///
/// The caller must close each brace and bracket that it opens, and must alternate keys and values in objects.
package struct JSONWriter: Sendable {
    /// The JSON that was written so far.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Makes an empty writer with room for `capacity` bytes.
    package init(reserving capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// Begins an object.
    package mutating func beginObject() { open(0x7B) }
    /// Ends an object.
    package mutating func endObject() { close(0x7D) }
    /// Begins an array.
    package mutating func beginArray() { open(0x5B) }
    /// Ends an array.
    package mutating func endArray() { close(0x5D) }

    /// Writes the key of a member; the key must need no escapes.
    package mutating func key(_ name: StaticString) {
        separate()
        bytes.append(0x22)
        bytes.append(name)
        bytes.append(0x22)
        bytes.append(0x3A)
        needsComma = false
    }
    /// Writes the key of a member, with escapes where JSON needs them.
    package mutating func key(named name: String) {
        separate()
        Self.append(name, to: &bytes)
        bytes.append(0x3A)
        needsComma = false
    }

    /// Writes a string value, with escapes where JSON needs them.
    package mutating func value(_ text: String) {
        separate()
        Self.append(text, to: &bytes)
        needsComma = true
    }
    /// Writes an integer as a value.
    package mutating func value(_ number: Int) {
        separate()
        bytes.append(decimal: number)
        needsComma = true
    }
    /// Writes a number as a value; infinity and NaN, which JSON does not have, become null.
    package mutating func value(_ number: Double) { literal(number.isFinite ? "\(number)" : "null") }
    /// Writes a boolean as a value.
    package mutating func value(_ truth: Bool) { literal(truth ? "true" : "false") }
    /// Writes null as a value.
    package mutating func null() { literal("null") }
    /// Writes a parsed JSON value with everything in it.
    package mutating func value(_ json: JSONValue) {
        switch json {
        case .null: null()
        case .bool(let truth): value(truth)
        case .integer(let number): value(number)
        case .double(let number): value(number)
        case .string(let text): value(text)
        case .array(let elements):
            beginArray()
            for element in elements { value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(named: member.key)
                value(member.value)
            }
            endObject()
        }
    }
    /// Writes a value whose JSON text the caller has already.
    package mutating func raw(_ json: some Collection<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// Writes a member whose value is a string.
    package mutating func field(_ name: StaticString, _ text: String) {
        key(name)
        value(text)
    }
    /// Writes a member whose value is a string or null.
    package mutating func field(_ name: StaticString, _ text: String?) {
        key(name)
        if let text { value(text) } else { null() }
    }
    /// Writes a member whose value is an integer.
    package mutating func field(_ name: StaticString, _ number: Int) {
        key(name)
        value(number)
    }
    /// Writes a member whose value is a number.
    package mutating func field(_ name: StaticString, _ number: Double) {
        key(name)
        value(number)
    }
    /// Writes a member whose key may need escapes and whose value is an integer.
    package mutating func field(named name: String, _ number: Int) {
        key(named: name)
        value(number)
    }
    /// Writes a member whose value is a number of hundredths: 1205 becomes `12.05`.
    ///
    /// The number must not be negative.
    package mutating func field(_ name: StaticString, hundredths number: Int) {
        key(name)
        bytes.append(decimal: number / 100)
        bytes.append(0x2E)
        bytes.append(digits: number % 100, count: 2)
        needsComma = true
    }
    /// Writes a member whose value is a boolean.
    package mutating func field(_ name: StaticString, _ truth: Bool) {
        key(name)
        value(truth)
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
    }
    private mutating func open(_ brace: UInt8) {
        separate()
        bytes.append(brace)
        needsComma = false
    }
    private mutating func close(_ brace: UInt8) {
        bytes.append(brace)
        needsComma = true
    }
    private mutating func literal(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    /// Appends `text` as a JSON string with its quotation marks.
    package static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        let utf8 = text.utf8.span
        // All bytes between two escapes are appended at once, which is faster than byte by byte.
        var plain = 0
        for index in utf8.indices {
            let byte = utf8[index]
            guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F else { continue }
            bytes.append(utf8.extracting(plain..<index))
            escape(byte, to: &bytes)
            plain = index + 1
        }
        bytes.append(utf8.extracting(plain..<utf8.count))
        bytes.append(0x22)
    }

    private static func escape(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(0x5C)
        switch byte {
        case 0x22, 0x5C: bytes.append(byte)
        case 0x0A: bytes.append(0x6E)
        case 0x0D: bytes.append(0x72)
        case 0x09: bytes.append(0x74)
        default: bytes += [0x75, 0x30, 0x30, UInt8.hexDigit(byte >> 4), UInt8.hexDigit(byte & 15)]
        }
    }
}
