// Reading the catalog fields of a model: checked lightly, carried as they stand.

extension CatalogField {
    /// The fields of OpenRouter's flat provider shape.
    ///
    /// Those that a model needs to be served are read elsewhere.
    private static let names: [(name: String, shape: Shape)] = [
        ("name", .text), ("description", .text), ("created", .count), ("hugging_face_id", .text),
        ("input_modalities", .texts), ("output_modalities", .texts), ("quantization", .text),
        ("context_length", .count), ("max_output_length", .count), ("pricing", .anything),
        ("supported_sampling_parameters", .texts), ("supported_features", .texts), ("deprecation_date", .text),
        ("is_ready", .flag), ("is_free", .flag), ("discount_to_user", .anything), ("capacity_tpm", .anything),
        ("openrouter", .anything), ("datacenters", .anything),
    ]

    private enum Shape {
        case text, texts, count, flag, anything
    }

    static func readAll(from model: ConfigurationSection) -> [CatalogField] {
        names.compactMap { name, shape in
            switch shape {
            case .text:
                return model.text(name, expecting: "a text").map { CatalogField(name: name, value: .text($0)) }
            case .texts:
                guard let texts = model.texts(name, expecting: "texts") else { return nil }
                return CatalogField(name: name, value: .list(texts.map { .text($0.text) }))
            case .count:
                let count = model.count(name, in: 0...Int(UInt32.max))
                return count.map { CatalogField(name: name, value: .number(String($0))) }
            case .flag:
                var flag = false
                model.read(name, &flag)
                return model.has(name) ? CatalogField(name: name, value: .flag(flag)) : nil
            case .anything:
                return model.anything(name).map { CatalogField(name: name, value: CatalogValue($0)) }
            }
        }
    }
}

extension CatalogValue {
    fileprivate init(_ node: ConfigurationNode) {
        switch node.kind {
        case .sequence(let items):
            self = .list(items.map { CatalogValue($0) })
        case .mapping(let entries):
            self = .object(entries.map { CatalogField(name: $0.key, value: CatalogValue($0.value)) })
        case .scalar(let text, _, true):
            self = CatalogValue(plain: text)
        case .scalar(let text, _, false):
            self = .text(text)
        case .unusable:
            self = .null
        }
    }

    /// What a scalar without quotes means in YAML's JSON schema.
    private init(plain text: String) {
        switch text {
        case "", "~", "null": self = .null
        case "true", "false": self = .flag(text == "true")
        default: self = Self.isNumber(text) ? .number(text) : .text(text)
        }
    }

    /// A number as JSON writes it.
    private static func isNumber(_ text: String) -> Bool {
        var rest = text.utf8[...]
        func digits() -> Int {
            let count = rest.prefix { (0x30...0x39).contains($0) }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == 0x2D { rest = rest.dropFirst() }
        let isZeroFirst = rest.first == 0x30
        let whole = digits()
        guard whole > 0, !(isZeroFirst && whole > 1) else { return false }
        if rest.first == 0x2E {
            rest = rest.dropFirst()
            if digits() == 0 { return false }
        }
        if rest.first == 0x65 || rest.first == 0x45 {
            rest = rest.dropFirst()
            if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
            if digits() == 0 { return false }
        }
        return rest.isEmpty
    }
}
