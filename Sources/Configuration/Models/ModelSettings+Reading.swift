// Reads the section `models` of a configuration, and the models in imported files.
internal import Inference

extension ModelSettings {
    /// Reads `models`, and reports names and engine settings that conflict between models.
    ///
    /// - Parameter own: The addresses on which this process listens; an executor at one of these addresses is an error.
    static func readAll(
        from root: ConfigurationSection,
        own: OwnAddresses
    ) -> (models: [ModelSettings], discoveries: [DiscoverySettings]) {
        let expected = "at least one '- id: NAME' with its executors"
        guard let sections = root.sections("models", expecting: expected) else {
            root.requireKey("models", expecting: expected)
            return ([], [])
        }
        root.requireKey("models", expecting: expected)
        var names = ModelNames()
        var engines = EngineClaims(own: own)
        var models: [ModelSettings] = []
        var discoveries: [DiscoverySettings] = []
        for section in sections.flatMap({ $0.importedModels() ?? [$0] }) {
            if section.has("discover") {
                guard let found = DiscoverySettings(reading: section, engines: &engines) else { continue }
                if discoveries.contains(where: { $0.identity == found.identity }) {
                    section.report("discover", "\(found.engine.url) is discovered already")
                }
                discoveries.append(found)
            } else if let model = ModelSettings(reading: section, names: &names, engines: &engines) {
                models.append(model)
            }
        }
        names.check()
        return (models, discoveries)
    }

    private init?(reading section: ConfigurationSection, names: inout ModelNames, engines: inout EngineClaims) {
        let id = section.text("id", expecting: "the name that clients use")
        section.requireKey("id", expecting: "the name that clients use")
        let aliases = section.texts("aliases", expecting: "further names of this model") ?? []
        self.init(id: id ?? "", aliases: aliases.map(\.text), executors: [])
        section.read("balance", &balance)
        section.read("prefix_scope", &prefixScope)
        let fallbacks = section.texts("fallbacks", expecting: "ids of other models") ?? []
        self.fallbacks = fallbacks.map(\.text)
        if let own = section.section("timeouts") { timeouts.read(from: own) }
        if let own = section.section("media_tokens") { mediaTokens.read(from: own) }
        passthrough = section.passthroughPaths("passthrough")
        forward = ForwardSettings(reading: section)
        stripBilling = section.flag("strip_billing")
        dialects = section.dialects()
        section.read("reasoning", &reasoning)
        executorFile = section.executorFile("executors_from")
        executors = ExecutorSettings.readAll(from: section, beside: executorFile, engines: &engines)
        catalog = CatalogField.readAll(from: section)
        section.finish()
        func location(_ position: Position) -> ConfigurationLocation {
            ConfigurationLocation(position: position, reader: section.reader)
        }
        if let id { names.ids.append((id, location(section.position(of: "id")))) }
        names.aliases += aliases.map { ($0.text, location($0.position)) }
        names.fallbacks += fallbacks.map { (id, $0.text, location($0.position)) }
    }
}

extension MediaTokens {
    mutating func read(from section: ConfigurationSection) {
        image = section.count("image", in: 0...1_000_000) ?? image
        audioBytes = section.count("audio_bytes", in: 1...1_000_000) ?? audioBytes
        videoBytes = section.count("video_bytes", in: 1...1_000_000) ?? videoBytes
        fileBytes = section.count("file_bytes", in: 1...1_000_000) ?? fileBytes
        reference = section.count("reference", in: 0...1_000_000) ?? reference
        section.finish()
    }
}

extension ModelSettings.Timeouts {
    mutating func read(from section: ConfigurationSection) {
        let range = Duration.milliseconds(10) ... .seconds(86_400)
        firstEvent = section.duration("first_event", in: range)
        response = section.duration("response", in: range)
        stall = section.duration("stall", in: range)
        loadWait = section.duration("load_wait", in: .zero ... .seconds(86_400))
        section.finish()
    }
}
