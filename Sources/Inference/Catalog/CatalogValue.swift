// The values of a model's catalog entry: JSON that keeps the order of its members and the text of its numbers.

/// One field of a model's catalog entry, or of an object in the entry.
package struct CatalogField: Sendable, Equatable {
    package var name: String
    package var value: CatalogValue

    /// Makes a field from its name and its value.
    package init(name: String, value: CatalogValue) {
        self.name = name
        self.value = value
    }
}

/// A JSON value of a catalog entry; members keep their order, and numbers keep their text.
package indirect enum CatalogValue: Sendable, Equatable {
    case null
    case flag(Bool)
    /// A number as JSON text.
    case number(String)
    case text(String)
    case list([CatalogValue])
    case object([CatalogField])

    /// Writes the value.
    func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .flag(let flag): writer.value(flag)
        case .number(let text): writer.raw(text.utf8)
        case .text(let text): writer.value(text)
        case .list(let values):
            writer.beginArray()
            for value in values { value.write(to: &writer) }
            writer.endArray()
        case .object(let fields):
            writer.beginObject()
            for field in fields { field.write(to: &writer) }
            writer.endObject()
        }
    }
}

extension CatalogField {
    /// Writes the field as a member of an object.
    func write(to writer: inout JSONWriter) {
        writer.key(named: name)
        value.write(to: &writer)
    }
}
