// A model as clients see it, in two JSON shapes: OpenAI's shape with OpenRouter's fields, and Anthropic's shape.

/// One model of the `ModelCatalog`, which has the models that clients may name.
package struct Model: Equatable, Sendable {
    /// The id of the model in the list of models.
    package var id: String
    /// Further names by which clients may ask for the model.
    package var aliases: [String]
    /// When the model was created, in seconds since 1970.
    package var created: Int
    /// When the model was created, as text (RFC 3339), which Anthropic's API requires.
    package var createdAt: String
    /// The owner of the model, for OpenAI's member `owned_by`.
    package var ownedBy: String
    /// The members that OpenRouter adds to OpenAI's JSON of a model, such as `input_modalities`.
    ///
    /// The members are in the order in which the response has them.
    package var fields: [CatalogField]
    /// Whether the model comes from an engine's list of models and not from the configuration file.
    package var isDiscovered: Bool

    /// Makes a model from its parts.
    package init(
        id: String,
        aliases: [String] = [],
        created: Int = 0,
        createdAt: String = "1970-01-01T00:00:00Z",
        ownedBy: String = "freeinference",
        fields: [CatalogField] = [],
        isDiscovered: Bool = false
    ) {
        self.id = id
        self.aliases = aliases
        self.created = created
        self.createdAt = createdAt
        self.ownedBy = ownedBy
        self.fields = fields
        self.isDiscovered = isDiscovered
    }

    /// The display name: the field `name`, or else the id.
    private var name: String {
        if case .text(let name)? = fields.first(where: { $0.name == "name" })?.value { name } else { id }
    }

    /// The default values of fields that OpenRouter requires, for models that do not configure these fields.
    ///
    /// OpenRouter requires further fields: quantization, lengths and pricing. No default value of these fields would be
    /// neutral, so a model has them only if they are configured.
    private static var defaults: [CatalogField] {
        [
            CatalogField(name: "hugging_face_id", value: .text("")),
            CatalogField(name: "input_modalities", value: .list([.text("text")])),
            CatalogField(name: "output_modalities", value: .list([.text("text")])),
            CatalogField(name: "supported_sampling_parameters", value: .list([])),
            CatalogField(name: "supported_features", value: .list([])),
        ]
    }

    /// The model as JSON in the given shape: the body of the response to `GET /v1/models/{id}`.
    package func json(as shape: ModelShape = .openRouter) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        write(to: &writer, as: shape)
        return writer.bytes
    }

    /// Writes the model as an object.
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

/// The shape in which a model and a list of models are written.
package enum ModelShape: Sendable, CaseIterable {
    /// OpenAI's shape, with the fields that OpenRouter requires of a provider.
    case openRouter
    /// Anthropic's shape, for clients that send `anthropic-version`.
    case anthropic
}
