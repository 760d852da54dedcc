// Reads the fields of a model that `/v1/models` shows. Each value is checked and then kept as it is written, except for
// a price such as 2e-7, which is rewritten without an exponent.

internal import Inference
internal import Transport

extension CatalogField {
    /// The fields that OpenRouter reads in a provider's list of models, with the values that OpenRouter accepts.
    ///
    /// `names` does not contain the fields that routing needs as well, because `ModelSettings` reads them. A word that
    /// is not listed here for its field causes a warning and not an error, because OpenRouter may add words.
    private static var names: [(name: String, shape: Shape)] {
        [
            ("name", .text), ("description", .text), ("created", .count), ("hugging_face_id", .anyText),
            ("input_modalities", .texts(["text", "image", "file", "audio", "video"])),
            (
                "output_modalities",
                .texts(["text", "image", "embeddings", "audio", "video", "rerank", "speech", "transcription"])
            ),
            (
                "quantization",
                .word(["int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32"])
            ),
            ("context_length", .count), ("max_output_length", .count), ("pricing", .pricing),
            (
                "supported_sampling_parameters",
                .texts([
                    "temperature", "top_p", "top_k", "min_p", "top_a", "frequency_penalty", "presence_penalty",
                    "repetition_penalty", "stop", "seed", "max_tokens", "logit_bias",
                ])
            ),
            (
                "supported_features",
                .texts(["tools", "json_mode", "structured_outputs", "logprobs", "web_search", "reasoning"])
            ),
            ("deprecation_date", .date), ("is_ready", .flag), ("is_free", .flag), ("discount_to_user", .number),
            ("capacity_tpm", .anything), ("openrouter", .anything), ("datacenters", .anything),
        ]
    }

    /// The type that the value of a field must have.
    private enum Shape {
        case text, anyText, count, flag, number, date, pricing, anything
        case word([String])
        case texts([String])
    }

    /// Reads the fields of a model, and returns them in the order in which `/v1/models` shows them.
    static func readAll(from model: ConfigurationSection) -> [CatalogField] {
        names.compactMap { name, shape in
            value(of: name, shape, from: model).map { CatalogField(name: name, value: $0) }
        }
    }

    private static func value(of name: String, _ shape: Shape, from model: ConfigurationSection) -> CatalogValue? {
        switch shape {
        case .text: return model.text(name, expecting: "a text").map { .text($0) }
        case .anyText: return model.scalar(name, expecting: "a text").map { .text($0.text) }
        case .word(let known):
            guard let text = model.text(name, expecting: "one of \(known.joined(separator: ", "))") else { return nil }
            model.warnUnlessKnown(text, of: name, known, at: model.position(of: name))
            return .text(text)
        case .texts(let known):
            guard let texts = model.texts(name, expecting: "texts") else { return nil }
            for text in texts { model.warnUnlessKnown(text.text, of: "\(name)[]", known, at: text.position) }
            return .list(texts.map { .text($0.text) })
        case .count: return model.count(name, in: 0...Int(UInt32.max)).map { .number(String($0)) }
        case .flag:
            var flag = false
            model.read(name, &flag)
            return model.has(name) ? .flag(flag) : nil
        case .number:
            guard let scalar = model.scalar(name, expecting: "a number below 1") else { return nil }
            guard DecimalText.isNumber(scalar.text) else {
                model.reject(scalar, name, "expected a number")
                return nil
            }
            return .number(scalar.text)
        case .date:
            let expected = "a date such as 2027-01-31 or 2027-01-31T18:00:00Z"
            guard let scalar = model.scalar(name, expecting: expected) else { return nil }
            guard isDate(scalar.text) else {
                model.reject(scalar, name, "expected \(expected)")
                return nil
            }
            return .text(scalar.text)
        case .pricing: return model.pricing(name)
        case .anything: return model.node(name).map { CatalogValue($0) }
        }
    }

    /// Whether a text has the form `YYYY-MM-DD` or `YYYY-MM-DDTHH:00:00Z`, with a month, day and hour in range.
    private static func isDate(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count == 20 else { return false }
        let fits = zip(bytes, "dddd-dd-ddTdd:00:00Z".utf8).allSatisfy { byte, form in
            form == UInt8(ascii: "d") ? byte.isDigit : byte == form
        }
        func number(at start: Int) -> Int { Int(bytes[start] &- 0x30) * 10 + Int(bytes[start + 1] &- 0x30) }
        guard fits, (1...12).contains(number(at: 5)), (1...31).contains(number(at: 8)) else { return false }
        return bytes.count == 10 || number(at: 11) < 24
    }
}

extension ConfigurationSection {
    /// Warns the operator if `text` is none of the words that OpenRouter knows for the field `name`.
    fileprivate func warnUnlessKnown(_ text: String, of name: String, _ known: [String], at position: Position) {
        guard !known.contains(text) else { return }
        let hint =
            NearestKey.nearest(to: text, among: known).map { "did you mean '\($0)'?" }
            ?? "known: \(known.joined(separator: ", "))"
        let message = "\(self.name(of: name)): '\(Self.printable(text))' is not one that OpenRouter knows; \(hint)"
        reader.warn(message, at: position)
    }

    /// Reads the prices of a model in USD.
    ///
    /// Each price becomes a decimal text without an exponent. The bounds of a price tier, which are a number of prompt
    /// tokens or times of day, are not rewritten.
    fileprivate func pricing(_ key: String) -> CatalogValue? {
        guard let node = node(key) else { return nil }
        guard case .mapping(let entries) = node.kind else {
            _ = section(key)
            return nil
        }
        return prices(entries, path: key)
    }

    private func prices(_ entries: [ConfigurationEntry], path: String) -> CatalogValue {
        .object(
            entries.map { entry in
                let path = "\(path).\(Self.printable(entry.key))"
                return CatalogField(name: entry.key, value: price(entry, path: path))
            }
        )
    }

    private func price(_ entry: ConfigurationEntry, path: String) -> CatalogValue {
        switch entry.value.kind {
        case .sequence(let items):
            return .list(
                items.map { item in
                    guard case .mapping(let entries) = item.kind else { return CatalogValue(item) }
                    return prices(entries, path: "\(path)[]")
                }
            )
        case .mapping(let entries): return prices(entries, path: path)
        case .scalar(_, _, _) where Self.tierKeys.contains(entry.key): return CatalogValue(entry.value)
        case .unusable: return .null
        case .scalar(let text, let raw, _):
            guard let price = DecimalText.plain(text), !price.hasPrefix("-") else {
                let found = Scalar(text: text, raw: raw, position: entry.value.position)
                reject(found, path, "expected a price in USD, such as \"0.0000002\"")
                return .null
            }
            if Self.tokenPriceKeys.contains(entry.key), DecimalText.reaches(price, tenToThe: -2) {
                let message = "\(name(of: path)): \(price) USD is the price of one token; is it meant for a million?"
                reader.warn(message, at: entry.value.position)
            }
            return .text(price)
        }
    }

    private static let tierKeys = ["min_prompt_tokens", "utc_start", "utc_end"]
    private static let tokenPriceKeys = [
        "prompt", "completion", "input_cache_read", "input_cache_reads", "input_cache_write", "input_cache_writes",
        "internal_reasoning",
    ]
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

    /// Converts a YAML value without quotation marks to null, a boolean, a number or a text (YAML 1.2.2, section 10.2).
    private init(plain text: String) {
        switch text {
        case "", "~", "null": self = .null
        case "true", "false": self = .flag(text == "true")
        default: self = DecimalText.isNumber(text) ? .number(text) : .text(text)
        }
    }
}
