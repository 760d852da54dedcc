// The header fields of a message, for HTTP/1 and HTTP/2. All fields are in one byte array with offsets, so that no
// field needs a `String`.
internal import Transport

/// Header fields in the order in which they were appended, with names in lower case.
///
/// All names and values are stored one after the other in one array.
package struct FieldBlock: Sendable {
    private struct Entry {
        var start: UInt32
        var nameLength: UInt32
        var valueLength: UInt32
        var name: FieldName
    }

    private var storage: [UInt8] = []
    private var entries: [Entry] = []

    /// Makes an empty block without allocating memory.
    package init() {}

    /// The number of fields.
    package var count: Int { entries.count }
    /// Whether the block has no fields.
    package var isEmpty: Bool { entries.isEmpty }
    /// The size of the block by the rule of RFC 9113 section 6.5.2: the bytes of names and values, plus 32 bytes for
    /// each field.
    package var weight: Int { storage.count + 32 * entries.count }

    /// The memory that the block occupies, in bytes.
    package var footprint: Int { storage.capacity + entries.capacity * MemoryLayout<Entry>.stride }

    /// Reserves memory for `bytes` bytes of names and values, and for `fields` fields.
    package mutating func reserve(bytes: Int, fields: Int) {
        storage.reserveCapacity(bytes)
        entries.reserveCapacity(fields)
    }

    /// Appends a field whose name is given as bytes, and converts the name to lower case.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
        let start = storage.count
        storage.append(name)
        for index in start..<storage.count where storage[index] &- 65 < 26 { storage[index] |= 0x20 }
        let known = unsafe storage.withUnsafeBufferPointer {
            unsafe FieldName(spelledBy: UnsafeBufferPointer(rebasing: $0[start...]))
        }
        storage.append(value)
        entries.append(
            Entry(
                start: UInt32(start),
                nameLength: UInt32(name.count),
                valueLength: UInt32(value.count),
                name: known
            )
        )
    }

    /// Appends a field whose name is a case of `FieldName`.
    package mutating func append(_ name: FieldName, _ value: some Collection<UInt8>) {
        let start = appendName(of: name)
        storage.append(contentsOf: value)
        endField(name, from: start)
    }

    /// Appends a field whose name is a case of `FieldName`.
    ///
    /// The bytes of `value` are copied in one step.
    package mutating func append(_ name: FieldName, _ value: ArraySlice<UInt8>) {
        let start = appendName(of: name)
        storage.append(value.span)
        endField(name, from: start)
    }

    /// Appends a field whose name is a case of `FieldName`, with the UTF-8 bytes of `value`.
    package mutating func append(_ name: FieldName, _ value: String) {
        let start = appendName(of: name)
        storage.append(contentsOf: value.utf8)
        endField(name, from: start)
    }

    /// Appends a field whose name is a case of `FieldName`, with `value` as a decimal number.
    package mutating func append(_ name: FieldName, _ value: Int) {
        let start = appendName(of: name)
        storage.append(decimal: value)
        endField(name, from: start)
    }

    private mutating func appendName(of name: FieldName) -> Int {
        let text = name.text
        let start = storage.count
        storage.append(text)
        return start
    }

    private mutating func endField(_ name: FieldName, from start: Int) {
        let nameLength = name.text.utf8CodeUnitCount
        entries.append(
            Entry(
                start: UInt32(start),
                nameLength: UInt32(nameLength),
                valueLength: UInt32(storage.count - start - nameLength),
                name: name
            )
        )
    }

    /// Appends a field whose name is given as text, and converts the name to lower case.
    package mutating func append(name: String, value: String) {
        append(name: Array(name.utf8).span, value: Array(value.utf8).span)
    }

    /// Appends the fields of `others` whose names do not occur in this block.
    mutating func appendMissing(_ others: FieldBlock) {
        let present = count
        for index in 0..<others.count {
            let name = others.name(index)
            guard !(0..<present).contains(where: { self.name($0) == name }) else { continue }
            append(name: name.span, value: others.value(index).span)
        }
    }

    /// Removes all fields and frees their memory.
    package mutating func removeAll() {
        storage.removeAll()
        entries.removeAll()
    }

    /// The `FieldName` of the field at `index`; `.other` if `FieldName` has no case for its name.
    package func known(_ index: Int) -> FieldName { entries[index].name }

    /// The name of the field at `index`, in lower case.
    package func name(_ index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        return storage[Int(entry.start)..<Int(entry.start + entry.nameLength)]
    }

    /// The value of the field at `index`, exactly as it was appended.
    package func value(_ index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        let start = Int(entry.start + entry.nameLength)
        return storage[start..<start + Int(entry.valueLength)]
    }

    /// The first value of a field; nil if the field is absent.
    package func first(_ name: FieldName) -> ArraySlice<UInt8>? {
        for index in entries.indices where entries[index].name == name { return value(index) }
        return nil
    }

    /// The first value of a field whose name is given as bytes in lower case; nil if the field is absent.
    package func first(named name: [UInt8]) -> ArraySlice<UInt8>? {
        for index in entries.indices where Int(entries[index].nameLength) == name.count && self.name(index) == name[...]
        {
            return value(index)
        }
        return nil
    }

    /// Whether the first value of a field begins with `text`, without regard to case.
    ///
    /// `text` must be in lower case.
    package func begins(_ name: FieldName, with text: StaticString) -> Bool {
        guard let value = first(name), value.count >= text.utf8CodeUnitCount else { return false }
        var position = value.startIndex
        for index in 0..<text.utf8CodeUnitCount {
            guard unsafe value[position].lowercased == text.utf8Start[index] else { return false }
            position += 1
        }
        return true
    }

    /// Calls `body` with the bytes of all names and values; `extent` gives the position of each field in these bytes.
    @unsafe func withUnsafeBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        unsafe storage.withUnsafeBufferPointer(body)
    }

    /// The position of a field in the bytes of the block.
    ///
    /// The name of the field begins at `start`, and the value follows the name.
    func extent(_ index: Int) -> (start: Int, nameLength: Int, valueLength: Int) {
        let entry = entries[index]
        return (Int(entry.start), Int(entry.nameLength), Int(entry.valueLength))
    }

    /// The number of fields with this name.
    package func occurrences(of name: FieldName) -> Int { entries.count { $0.name == name } }

    /// The first value of a field as text; nil if the field is absent.
    package func string(_ name: FieldName) -> String? { first(name).map { String(decoding: $0, as: UTF8.self) } }

    /// The first value of a field that `FieldName` does not list; nil if the field is absent.
    ///
    /// `name` must be in lower case.
    package func string(named name: String) -> String? {
        let wanted = Array(name.utf8)
        for index in entries.indices where self.name(index).elementsEqual(wanted) {
            return String(decoding: value(index), as: UTF8.self)
        }
        return nil
    }
}
