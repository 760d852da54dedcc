// Reads, from a file of FreeInference, the fields of models that `/v1/models` shows. Prices become prices per token.
internal import Configuration

extension FreeInferenceImport {
    /// Reads what the API's list of models (`GET /v1/models`) shows about a model, such as its name and its prices.
    func readCatalog(of section: ForeignSection, into model: inout DraftModel) {
        let notes = section.notes
        for key in ["name", "quantization"] {
            if let found = section.text(key) { model.set(key, YAMLText.scalar(DraftConfiguration.literal(found.text))) }
        }
        for key in ["input_modalities", "output_modalities"] {
            let words = section.texts(key).map { DraftConfiguration.literal($0.text) }
            if !words.isEmpty { model.set(key, YAMLText.list(words)) }
        }
        let isEmbedding = ["model_type", "type"].contains { section.text($0)?.text.lowercased() == "embedding" }
        if isEmbedding { model.set("output_modalities", "[embeddings]") }
        for key in ["context_length", "max_output_length"] {
            if let count = section.count(key, in: 0...Int(UInt32.max)) { model.set(key, "\(count)") }
        }
        readPricing(of: section, into: &model)
        let parameters = section.texts("supported_params")
        let known = parameters.filter { Self.samplingParameters.contains($0.text) }.map(\.text)
        if !known.isEmpty { model.set("supported_sampling_parameters", YAMLText.list(known)) }
        for parameter in parameters where !Self.samplingParameters.contains(parameter.text) {
            let name = ForeignDocument.printable(parameter.text)
            notes.lost(
                section.name(of: "supported_params"),
                "'\(name)' is no sampling parameter of OpenRouter's list; requests with it pass all the same",
                at: parameter.position
            )
        }
        var features: [String] = []
        if section.flag("supports_tools") == true { features.append("tools") }
        if section.flag("supports_structured_output") == true { features += ["json_mode", "structured_outputs"] }
        if !features.isEmpty { model.set("supported_features", YAMLText.list(features)) }
    }

    private static let samplingParameters: Set<String> = [
        "temperature", "top_p", "top_k", "min_p", "top_a", "frequency_penalty", "presence_penalty",
        "repetition_penalty", "stop", "seed", "max_tokens", "logit_bias",
    ]

    /// Reads prices in USD per million tokens, and converts them to prices per token.
    private func readPricing(of section: ForeignSection, into model: inout DraftModel) {
        guard let pricing = section.section("pricing") else { return }
        var prices: [String] = []
        let names = [
            ("prompt", "prompt"), ("completion", "completion"), ("input_cache_reads", "input_cache_read"),
            ("input_cache_read", "input_cache_read"), ("input_cache_writes", "input_cache_write"),
            ("input_cache_write", "input_cache_write"),
        ]
        var seen: Set<String> = []
        for (theirs, ours) in names {
            guard let found = pricing.text(theirs), seen.insert(ours).inserted else { continue }
            guard let price = TokenPrice.fromMillion(found.text) else {
                section.notes.lost(pricing.name(of: theirs), "it is no price in USD", at: found.position)
                continue
            }
            prices.append("\(ours): \"\(price)\"")
        }
        for key in ["image", "request"] {
            guard let found = pricing.text(key) else { continue }
            guard let price = TokenPrice.perToken(found.text) else {
                section.notes.lost(pricing.name(of: key), "it is no price in USD", at: found.position)
                continue
            }
            guard price == "0" else {
                let why = "ours is for one \(key), and FreeInference's unit is a million: write it by hand"
                section.notes.lost(pricing.name(of: key), why, at: found.position)
                continue
            }
            prices.append("\(key): \"0\"")
        }
        pricing.finish(otherwise: "not a price of models.yaml that is known here")
        if !prices.isEmpty { model.set("pricing", "{" + prices.joined(separator: ", ") + "}") }
    }
}
