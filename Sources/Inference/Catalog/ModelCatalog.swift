// The models that clients may name: a snapshot that never changes. Who serves them is Routing's business.

package struct Model: Equatable, Sendable {
    package var id: String
    package var aliases: [String]
    /// Seconds since 1970.
    package var created: Int
    package var ownedBy: String

    package init(id: String, aliases: [String] = [], created: Int = 0, ownedBy: String = "freeinference") {
        self.id = id
        self.aliases = aliases
        self.created = created
        self.ownedBy = ownedBy
    }

    /// The answer to `GET /v1/models/{id}`.
    package var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("id", id)
        writer.field("object", "model")
        writer.field("created", created)
        writer.field("owned_by", ownedBy)
        writer.endObject()
    }
}

package struct ModelCatalog: Sendable {
    package let models: [Model]
    /// The answer to `GET /v1/models`.
    package let listJSON: [UInt8]
    private let indexes: [String: Int]

    /// Where two models claim a name the first has it, and an id goes before an alias.
    package init(_ models: [Model]) {
        self.models = models
        var indexes: [String: Int] = [:]
        for (index, model) in models.enumerated() where indexes[model.id] == nil { indexes[model.id] = index }
        for (index, model) in models.enumerated() {
            for alias in model.aliases where indexes[alias] == nil { indexes[alias] = index }
        }
        self.indexes = indexes
        listJSON = Self.list(models)
    }

    /// The same with those models only that a caller may use.
    package func listJSON(where isTheirs: (Model) -> Bool) -> [UInt8] {
        let theirs = models.filter(isTheirs)
        return theirs.count == models.count ? listJSON : Self.list(theirs)
    }

    private static func list(_ models: [Model]) -> [UInt8] {
        var writer = JSONWriter(reserving: 64 + models.count * 128)
        writer.beginObject()
        writer.field("object", "list")
        writer.key("data")
        writer.beginArray()
        for model in models { model.write(to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// The model with this id or alias.
    package func resolve(_ name: String) -> Model? { index(of: name).map { models[$0] } }
    /// Its place in `models`.
    package func index(of name: String) -> Int? { indexes[name] }
}
