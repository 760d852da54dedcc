// The models that clients may name: a snapshot that never changes. Who serves them is Routing's business.

internal import Transport

package struct ModelCatalog: Sendable {
    package let models: [Model]
    /// The list of all models in each shape, written once.
    private let lists: [ModelShape: [UInt8]]
    private let indexes: [ExactText: Int]

    /// Where two models claim a name the first has it, and an id goes before an alias.
    package init(_ models: [Model]) {
        self.models = models
        var indexes: [ExactText: Int] = [:]
        for (index, model) in models.enumerated() where indexes[ExactText(model.id)] == nil {
            indexes[ExactText(model.id)] = index
        }
        for (index, model) in models.enumerated() {
            for alias in model.aliases.map(ExactText.init) where indexes[alias] == nil { indexes[alias] = index }
        }
        self.indexes = indexes
        lists = Dictionary(uniqueKeysWithValues: ModelShape.allCases.map { ($0, Self.list(models, as: $0)) })
    }

    /// The model with this id or alias, byte by byte.
    package func resolve(_ name: String) -> Model? { index(of: name).map { models[$0] } }
    /// Its place in `models`.
    package func index(of name: String) -> Int? { indexes[ExactText(name)] }

    /// The answer to `GET /v1/models` for whoever may use all of them: one entry for each model, by its id.
    package func listJSON(as shape: ModelShape = .openRouter) -> [UInt8] { lists[shape] ?? [] }

    /// The same for whoever may use only some of them; written anew each time.
    package func listJSON(as shape: ModelShape = .openRouter, where isShown: (Model) -> Bool) -> [UInt8] {
        Self.list(models.filter(isShown), as: shape)
    }

    private static func list(_ models: [Model], as shape: ModelShape) -> [UInt8] {
        var writer = JSONWriter(reserving: 128 + models.count * 512)
        writer.beginObject()
        if shape == .openRouter { writer.field("object", "list") }
        writer.key("data")
        writer.beginArray()
        for model in models { model.write(to: &writer, as: shape) }
        writer.endArray()
        if shape == .anthropic {
            // One page holds them all, whatever `limit` says.
            writer.field("has_more", false)
            writer.field("first_id", models.first?.id)
            writer.field("last_id", models.last?.id)
        }
        writer.endObject()
        return writer.bytes
    }
}
