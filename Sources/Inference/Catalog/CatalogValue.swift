// What a model's catalog entry says beyond its names: JSON values that keep their order and the text of their numbers.

/// One field of a model's catalog entry, or of an object in it.
package struct CatalogField: Sendable, Equatable {
    package var name: String
    package var value: CatalogValue

    package init(name: String, value: CatalogValue) {
        self.name = name
        self.value = value
    }
}

/// A value of a catalog entry: what JSON can say, with objects in order and numbers as they were written.
package indirect enum CatalogValue: Sendable, Equatable {
    case null
    case flag(Bool)
    /// A number as JSON writes it.
    case number(String)
    case text(String)
    case list([CatalogValue])
    case object([CatalogField])

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
    func write(to writer: inout JSONWriter) {
        writer.key(named: name)
        value.write(to: &writer)
    }
}
