// Writes small pieces of JSON, and adds shorthands to the JSON writer.
internal import Inference

/// Writes single JSON values.
enum JSONText {
    /// A text escaped for a JSON string, without the quotation marks.
    static func escaped(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONWriter.append(text, to: &bytes)
        return Array(bytes.dropFirst().dropLast())
    }

    /// A text as a JSON string with its quotation marks.
    static func quoted(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONWriter.append(text, to: &bytes)
        return bytes
    }

    /// An object whose members `body` writes.
    static func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(body)
        return writer.bytes
    }
}

extension JSONWriter {
    /// Writes an object whose members `body` writes.
    mutating func object(_ body: (inout JSONWriter) -> Void) {
        beginObject()
        body(&self)
        endObject()
    }
    /// Writes a member whose value is an object.
    mutating func object(_ name: StaticString, _ body: (inout JSONWriter) -> Void) {
        key(name)
        object(body)
    }
    /// Writes a member whose value is an array.
    mutating func array(_ name: StaticString, _ body: (inout JSONWriter) -> Void) {
        key(name)
        beginArray()
        body(&self)
        endArray()
    }
    /// Writes a member whose value is null.
    mutating func null(_ name: StaticString) {
        key(name)
        null()
    }
}
