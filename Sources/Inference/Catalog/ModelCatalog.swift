// The models that clients may name. The module Routing knows which executors serve each model.

internal import Transport

/// The models of one configuration; immutable, so that all threads may share it.
package struct ModelCatalog: Sendable {
    /// The models in the order of the configuration.
    package let models: [Model]
    /// The response that lists all models, rendered once as JSON in the format of each API (`ModelShape`).
    private let lists: [ModelShape: [UInt8]]
    private let indexes: [ExactText: Int]

    /// Makes a catalog.
    ///
    /// If a name is the id of one model and an alias of another, it means the model with the id. If it is the id of
    /// several models, or only an alias of several models, it means the first of them.
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

    /// The model with this id or alias, compared byte by byte; nil if there is none.
    package func resolve(_ name: String) -> Model? { index(of: name).map { models[$0] } }
    /// The index in `models` of the model with this id or alias; nil if there is none.
    package func index(of name: String) -> Int? { indexes[ExactText(name)] }

    /// The response to `GET /v1/models` for a client that may use all models.
    ///
    /// Each model has one entry, under its id.
    package func listJSON(as shape: ModelShape = .openRouter) -> [UInt8] { lists[shape] ?? [] }

    /// The response to `GET /v1/models` for a client that may use only some models.
    ///
    /// The response is rendered at each call.
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
            // All models are on one page; the request's `limit` is ignored.
            writer.field("has_more", false)
            writer.field("first_id", models.first?.id)
            writer.field("last_id", models.last?.id)
        }
        writer.endObject()
        return writer.bytes
    }
}
