// Header fields as both HTTP versions deliver them: one flat byte array and offsets into it, no String per field.
internal import Transport

/// Header fields in their order of arrival, names in lower case.
package struct FieldBlock: Sendable {
    private struct Entry {
        var start: UInt32
        var nameLength: UInt32
        var valueLength: UInt32
        var name: FieldName
    }

    private var storage: [UInt8] = []
    private var entries: [Entry] = []

    package init() {}

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }
    /// What the block weighs by the rule of RFC 9113 section 6.5.2: name, value and 32 bytes a field.
    package var weight: Int { storage.count + 32 * entries.count }

    /// What the block takes of memory, in bytes.
    package var footprint: Int { storage.capacity + entries.capacity * MemoryLayout<Entry>.stride }

    package mutating func reserve(bytes: Int, fields: Int) {
        storage.reserveCapacity(bytes)
        entries.reserveCapacity(fields)
    }

    /// Appends a field as it came; the name is put into lower case.
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

    package mutating func append(_ name: FieldName, _ value: some Collection<UInt8>) {
        let start = appendName(of: name)
        storage.append(contentsOf: value)
        endField(name, from: start)
    }

    package mutating func append(_ name: FieldName, _ value: ArraySlice<UInt8>) {
        let start = appendName(of: name)
        storage.append(value.span)
        endField(name, from: start)
    }

    package mutating func append(_ name: FieldName, _ value: String) {
        let start = appendName(of: name)
        storage.append(contentsOf: value.utf8)
        endField(name, from: start)
    }

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

    /// Appends a field whose name is not one of ours.
    ///
    /// `name` is in lower case already.
    package mutating func append(name: String, value: String) {
        append(name: Array(name.utf8).span, value: Array(value.utf8).span)
    }

    package mutating func removeAll() {
        storage.removeAll()
        entries.removeAll()
    }

    package func known(_ index: Int) -> FieldName { entries[index].name }
    package func name(_ index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        return storage[Int(entry.start)..<Int(entry.start + entry.nameLength)]
    }
    package func value(_ index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        let start = Int(entry.start + entry.nameLength)
        return storage[start..<start + Int(entry.valueLength)]
    }

    /// The first value of a field; nil when it is absent.
    package func first(_ name: FieldName) -> ArraySlice<UInt8>? {
        for index in entries.indices where entries[index].name == name { return value(index) }
        return nil
    }
    /// Whether the first value of a field begins with `text`, which is in lower case; case is ignored.
    package func begins(_ name: FieldName, with text: StaticString) -> Bool {
        guard let value = first(name), value.count >= text.utf8CodeUnitCount else { return false }
        var place = value.startIndex
        for index in 0..<text.utf8CodeUnitCount {
            let byte = value[place]
            guard unsafe (byte &- 65 < 26 ? byte | 0x20 : byte) == text.utf8Start[index] else { return false }
            place += 1
        }
        return true
    }
    /// Calls `body` with the bytes of all names and values; `extent` says where those of a field are.
    @unsafe func withUnsafeBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        unsafe storage.withUnsafeBufferPointer(body)
    }
    func extent(_ index: Int) -> (start: Int, nameLength: Int, valueLength: Int) {
        let entry = entries[index]
        return (Int(entry.start), Int(entry.nameLength), Int(entry.valueLength))
    }
    package func occurrences(of name: FieldName) -> Int { entries.count { $0.name == name } }
    package func string(_ name: FieldName) -> String? { first(name).map { String(decoding: $0, as: UTF8.self) } }
    /// The first value of a field by its lower-case name, for fields that are not among `FieldName`.
    package func string(named name: String) -> String? {
        let wanted = Array(name.utf8)
        for index in entries.indices where self.name(index).elementsEqual(wanted) {
            return String(decoding: value(index), as: UTF8.self)
        }
        return nil
    }
}
