// A model as clients see it, in the two shapes that they read: OpenAI's with OpenRouter's fields, and Anthropic's.

package struct Model: Equatable, Sendable {
    package var id: String
    package var aliases: [String]
    /// Seconds since 1970.
    package var created: Int
    /// The same as text (RFC 3339), for Anthropic's shape.
    package var createdAt: String
    package var ownedBy: String
    /// Fields of OpenRouter's flat provider shape, in the order in which they are shown.
    package var fields: [CatalogField]

    package init(
        id: String,
        aliases: [String] = [],
        created: Int = 0,
        createdAt: String = "1970-01-01T00:00:00Z",
        ownedBy: String = "freeinference",
        fields: [CatalogField] = []
    ) {
        self.id = id
        self.aliases = aliases
        self.created = created
        self.createdAt = createdAt
        self.ownedBy = ownedBy
        self.fields = fields
    }

    /// What people call it.
    private var name: String {
        if case .text(let name)? = fields.first(where: { $0.name == "name" })?.value { name } else { id }
    }

    /// What OpenRouter requires and has a value that says nothing untrue of a model of which nothing is said.
    ///
    /// It also requires quantization, lengths and pricing: those are left out when they are unknown, never invented.
    private static var defaults: [CatalogField] {
        [
            CatalogField(name: "hugging_face_id", value: .text("")),
            CatalogField(name: "input_modalities", value: .list([.text("text")])),
            CatalogField(name: "output_modalities", value: .list([.text("text")])),
            CatalogField(name: "supported_sampling_parameters", value: .list([])),
            CatalogField(name: "supported_features", value: .list([])),
        ]
    }

    /// The model in the given shape; also the answer to `GET /v1/models/{id}`.
    package func json(as shape: ModelShape = .openRouter) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        write(to: &writer, as: shape)
        return writer.bytes
    }

    func write(to writer: inout JSONWriter, as shape: ModelShape) {
        writer.beginObject()
        switch shape {
        case .openRouter:
            writer.field("id", id)
            writer.field("object", "model")
            writer.field("created", created)
            writer.field("owned_by", ownedBy)
            writer.field("name", name)
            for field in fields where field.name != "name" && field.name != "created" { field.write(to: &writer) }
            for field in Self.defaults where !fields.contains(where: { $0.name == field.name }) {
                field.write(to: &writer)
            }
        case .anthropic:
            writer.field("type", "model")
            writer.field("id", id)
            writer.field("display_name", name)
            writer.field("created_at", createdAt)
        }
        writer.endObject()
    }
}

/// How a model and a list of models look.
package enum ModelShape: Sendable, CaseIterable {
    /// A valid list of OpenAI's, with the fields of OpenRouter's flat provider shape (openrouter.md 2.1).
    case openRouter
    /// For clients that send `anthropic-version`.
    case anthropic
}
