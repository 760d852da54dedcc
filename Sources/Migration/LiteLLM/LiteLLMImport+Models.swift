// Reads LiteLLM's settings of a model: its timeouts, its prices, its abilities, the weights of its deployments, and the
// order in which LiteLLM tries them.
internal import Configuration
internal import Transport

extension LiteLLMImport {
    // MARK: Timeouts

    /// Reads the timeouts of a deployment (an entry of `model_list`).
    ///
    /// If deployments of one model have different values for a timeout, the first value counts.
    func readTimeouts(_ parameters: ForeignSection, into model: inout DraftModel) {
        func read(_ key: String, _ value: inout String?) {
            guard let found = parameters.text(key) else { return }
            guard let duration = SecondsText.duration(found.text) else {
                notes.lost(parameters.name(of: key), "it is no time between 0.01 and 86400 seconds", at: found.position)
                return
            }
            if let value, value != duration {
                let why = "another deployment of this model has another one, which is used"
                notes.lost(parameters.name(of: key), why, at: found.position)
            } else {
                value = duration
            }
        }
        read("timeout", &model.response)
        read("stream_timeout", &model.firstEvent)
        parameters.drop("request_timeout", "write it as the timeout of the model")
    }

    // MARK: Catalog

    /// Reads the prices of a model.
    ///
    /// LiteLLM's unit is USD per token, as in this server's configuration.
    func readPrices(_ section: ForeignSection, into model: inout DraftModel) {
        let names = [
            ("input_cost_per_token", "prompt"), ("output_cost_per_token", "completion"),
            ("cache_read_input_token_cost", "input_cache_read"),
            ("cache_creation_input_token_cost", "input_cache_write"), ("input_cost_per_image", "image"),
            ("input_cost_per_request", "request"),
        ]
        var prices: [String] = []
        var position: Position?
        for (theirs, ours) in names {
            guard let found = section.text(theirs) else { continue }
            guard let price = TokenPrice.perToken(found.text) else {
                notes.lost(section.name(of: theirs), "it is no price in USD", at: found.position)
                continue
            }
            prices.append("\(ours): \"\(price)\"")
            position = position ?? found.position
        }
        guard let position else { return }
        if !model.set("pricing", "{" + prices.joined(separator: ", ") + "}") {
            let why = "another deployment, or another section, says otherwise of this model; the first is used"
            notes.lost("\(section.path), its prices", why, at: position)
        }
    }

    /// Reads the section `model_info` of a deployment, which describes the deployment's model.
    func readInformation(_ section: ForeignSection, into model: inout DraftModel) {
        readPrices(section, into: &model)
        func set(_ key: String, _ yaml: String, from theirs: String) {
            if !model.set(key, yaml) {
                let why = "another deployment of this model says otherwise; the first is used"
                notes.lost(section.name(of: theirs), why, at: section.position(of: theirs))
            }
        }
        let range = 0...Int(UInt32.max)
        let total = section.count("max_tokens", in: range)
        if let count = section.count("max_input_tokens", in: range) {
            set("context_length", "\(count)", from: "max_input_tokens")
        }
        if let count = section.count("max_output_tokens", in: range) ?? total {
            let key = section.has("max_output_tokens") ? "max_output_tokens" : "max_tokens"
            set("max_output_length", "\(count)", from: key)
        }
        if let mode = section.text("mode") {
            let outputs = [
                "embedding": "embeddings", "rerank": "rerank", "image_generation": "image", "audio_speech": "speech",
                "audio_transcription": "transcription",
            ]
            if let output = outputs[mode.text] {
                set("output_modalities", "[\(output)]", from: "mode")
            } else if !["chat", "completion", "responses"].contains(mode.text) {
                notes.lost(section.name(of: "mode"), "it is no mode that the catalog knows", at: mode.position)
            }
        }
        var inputs = ["text"]
        let modalities = [
            ("supports_vision", "image"), ("supports_pdf_input", "file"), ("supports_audio_input", "audio"),
            ("supports_video_input", "video"),
        ]
        for (key, word) in modalities where section.flag(key) == true { inputs.append(word) }
        if inputs.count > 1 { set("input_modalities", YAMLText.list(inputs), from: "supports_vision") }
        var features: [String] = []
        let abilities = [
            ("supports_function_calling", "tools"), ("supports_response_schema", "structured_outputs"),
            ("supports_reasoning", "reasoning"), ("supports_web_search", "web_search"),
        ]
        for (key, word) in abilities where section.flag(key) == true { features.append(word) }
        if !features.isEmpty {
            set("supported_features", YAMLText.list(features), from: "supports_function_calling")
        }
        section.finish(Self.informationReasons, otherwise: "the catalog has no such field")
    }

    private static let informationReasons: [String: String] = [
        "id": "executors are named by their URL",
        "base_model": "prices and lengths are not looked up by a model's name; write them",
        "access_groups": "keys have a list of models (`keys create`)",
        "health_check_model": "engines are asked at health.path, not by a request",
        "health_check_timeout": "see health.timeout of an executor",
        "version": "the catalog has no such field",
    ]

    // MARK: Weights and orders

    /// Makes the models from the groups, each of which has the deployments of one model.
    ///
    /// LiteLLM tries the deployments with the lowest `order` first, so these deployments become the executors of the
    /// model itself. The deployments of each higher order become a separate model, which is a fallback of the model.
    mutating func finishGroups() {
        for group in groups {
            let orders = Set(group.deployments.map { $0.order ?? Int.max }).sorted()
            guard orders.count > 1 else {
                draft.models.append(model(of: group, group.deployments))
                continue
            }
            var first = model(of: group, group.deployments.filter { ($0.order ?? Int.max) == orders[0] })
            var later: [DraftModel] = []
            for (index, order) in orders.dropFirst().enumerated() {
                let deployments = group.deployments.filter { ($0.order ?? Int.max) == order }
                var model = model(of: group, deployments)
                model.id = "\(group.model.id)/order-\(index + 2)"
                model.aliases = []
                model.fallbacks = []
                model.position = deployments[0].executor.position
                model.comments = ["The deployments that come after those of the model above (LiteLLM's `order`)."]
                for deployment in deployments {
                    let how = "deployments of this order are a model of their own, a fallback, which clients see too"
                    notes.changed("\(deployment.path).order", how, at: deployment.orderPosition)
                }
                later.append(model)
            }
            let own = later.map { DraftName(name: $0.id, position: $0.position) }
            first.fallbacks = own + first.fallbacks
            draft.models.append(first)
            draft.models += later
        }
    }

    private func model(of group: Group, _ deployments: [Deployment]) -> DraftModel {
        var model = group.model
        model.executors = deployments.map(\.executor)
        // LiteLLM distributes requests in proportion to one of these settings. The first one that is a number in every
        // deployment gives the weights of the executors.
        let candidates: [(key: String, texts: [ForeignText?])] = [
            ("weight", deployments.map(\.weight)), ("rpm", deployments.map(\.requestsPerMinute)),
            ("tpm", deployments.map(\.tokensPerMinute)),
        ]
        var isShared = false
        for (key, texts) in candidates {
            let given = texts.compactMap { $0 }
            guard !given.isEmpty else { continue }
            let weights = given.count == texts.count ? DecimalWeights.whole(given.map(\.text)) : nil
            let isUsed = !isShared && weights != nil && deployments.count > 1
            if isUsed, let weights {
                isShared = true
                for index in model.executors.indices { model.executors[index].weight = weights[index] }
            }
            for (deployment, text) in zip(deployments, texts) {
                guard let text else { continue }
                let what = "\(deployment.path).\(key)"
                if isUsed {
                    if key != "weight" {
                        let how = "it became a weight; an executor has no limit a minute, max_running is one at once"
                        notes.changed(what, how, at: text.position)
                    }
                } else if key != "weight" {
                    let why = "an executor has no limit a minute; max_running is one of requests at once"
                    notes.lost(what, why, at: text.position)
                } else if deployments.count > 1 {
                    let why = "not all deployments of this model have a weight that is a number; all share alike"
                    notes.lost(what, why, at: text.position)
                }
            }
        }
        return model
    }
}
