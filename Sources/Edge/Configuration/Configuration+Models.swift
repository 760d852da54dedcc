// Reading the models of a configuration, their executors and their catalog entries.
internal import Inference
internal import Transport

extension ModelSettings {
    /// Reads `models`, and checks what is said of one model against the others.
    ///
    /// - Parameter own: where this process listens itself, which no executor may be.
    static func readAll(from root: ConfigurationSection, own: OwnAddresses) -> [ModelSettings] {
        let expected = "at least one '- id: NAME' with its executors"
        guard let sections = root.sections("models", expecting: expected) else {
            root.requireKey("models", expecting: expected)
            return []
        }
        root.requireKey("models", expecting: expected)
        var names = ModelNames()
        var engines = EngineClaims(own: own)
        let models = sections.flatMap { $0.importedModels() ?? [$0] }
            .compactMap { ModelSettings(reading: $0, names: &names, engines: &engines) }
        names.check()
        return models
    }

    private init?(reading section: ConfigurationSection, names: inout ModelNames, engines: inout EngineClaims) {
        let id = section.text("id", expecting: "the name that clients use")
        section.requireKey("id", expecting: "the name that clients use")
        let aliases = section.texts("aliases", expecting: "further names of this model") ?? []
        self.init(id: id ?? "", aliases: aliases.map(\.text), executors: [])
        section.read("balance", &balance)
        let fallbacks = section.texts("fallbacks", expecting: "ids of other models") ?? []
        self.fallbacks = fallbacks.map(\.text)
        if let own = section.section("timeouts") { timeouts.read(from: own) }
        if let own = section.section("media_tokens") { mediaTokens.read(from: own) }
        passthrough = section.passthroughPaths("passthrough")
        forward = ForwardSettings(reading: section)
        executors = ExecutorSettings.readAll(from: section, engines: &engines)
        catalog = CatalogField.readAll(from: section)
        section.finish()
        func place(_ position: Position) -> ConfigurationPlace {
            ConfigurationPlace(position: position, reader: section.reader)
        }
        if let id { names.ids.append((id, place(section.place("id")))) }
        names.aliases += aliases.map { ($0.text, place($0.position)) }
        names.fallbacks += fallbacks.map { (id, $0.text, place($0.position)) }
    }
}

extension MediaTokens {
    fileprivate mutating func read(from section: ConfigurationSection) {
        image = section.count("image", in: 0...1_000_000) ?? image
        audioBytes = section.count("audio_bytes", in: 1...1_000_000) ?? audioBytes
        videoBytes = section.count("video_bytes", in: 1...1_000_000) ?? videoBytes
        fileBytes = section.count("file_bytes", in: 1...1_000_000) ?? fileBytes
        reference = section.count("reference", in: 0...1_000_000) ?? reference
        section.finish()
    }
}

extension ModelSettings.Timeouts {
    fileprivate mutating func read(from section: ConfigurationSection) {
        let range = Duration.milliseconds(10) ... .seconds(86_400)
        firstEvent = section.duration("first_event", in: range)
        response = section.duration("response", in: range)
        stall = section.duration("stall", in: range)
        section.finish()
    }
}

/// The names of all models: an id or alias means one model only, whatever the order of the files.
private struct ModelNames {
    var ids: [(String, ConfigurationPlace)] = []
    var aliases: [(String, ConfigurationPlace)] = []
    var fallbacks: [(model: String?, target: String, place: ConfigurationPlace)] = []

    func check() {
        var places: [ExactText: ConfigurationPlace] = [:]
        for (id, place) in ids {
            if let first = places[ExactText(id)] {
                place.report("models[].id: '\(shown(id))' is the id of a model \(first.seen(from: place))")
            } else {
                places[ExactText(id)] = place
            }
        }
        var aliasPlaces: [ExactText: ConfigurationPlace] = [:]
        for (alias, place) in aliases {
            if let first = places[ExactText(alias)] {
                place.report("models[].aliases[]: '\(shown(alias))' shadows the model \(first.seen(from: place))")
            } else if let first = aliasPlaces[ExactText(alias)] {
                place.report("models[].aliases[]: '\(shown(alias))' is an alias \(first.seen(from: place))")
            } else {
                aliasPlaces[ExactText(alias)] = place
            }
        }
        for fallback in fallbacks {
            if let model = fallback.model, model.hasBytes(of: fallback.target) {
                fallback.place.report("models[].fallbacks[]: a model cannot be its own fallback")
            } else if places[ExactText(fallback.target)] == nil {
                let message = "models[].fallbacks[]: '\(shown(fallback.target))' is not the id of a model here"
                fallback.place.report(message)
            }
        }
    }

    private func shown(_ name: String) -> String { ConfigurationSection.printable(name) }
}

extension ExecutorSettings {
    fileprivate static func readAll(
        from model: ConfigurationSection,
        engines: inout EngineClaims
    ) -> [ExecutorSettings] {
        let expected = "at least one '- url: http://HOST:PORT'"
        let sections = model.sections("executors", expecting: expected)
        model.requireKey("executors", expecting: expected)
        var executors: [ExecutorSettings] = []
        var weights = 0
        for section in sections ?? [] {
            let weight = section.count("weight", in: 0...1_000_000)
            weights += weight ?? 1
            guard let executor = ExecutorSettings(reading: section, weight: weight ?? 1) else { continue }
            if executors.contains(where: { $0.url == executor.url }) {
                let message = "\(section.name("url")): \(executor.url) is an executor of this model already"
                section.reader.report(message, at: section.place("url"))
            }
            engines.check(executor, read: section)
            executors.append(executor)
        }
        if weights == 0, sections?.isEmpty == false {
            let message = "\(model.name("executors")): all weights are 0, so that no executor would be chosen"
            model.reader.report(message, at: model.place("executors"))
        }
        return executors
    }

    private init?(reading section: ConfigurationSection, weight: Int) {
        let url = section.executorURL("url")
        self.init(url: url ?? ExecutorURL.none)
        self.weight = weight
        model = section.text("model", expecting: "the executor's name for this model")
        section.read("kind", &kind)
        section.read("protocol", &wireProtocol)
        if let tls = section.section("tls") {
            if let file = tls.checkedFile("ca") {
                certificateAuthorityPath = file.path
                let findings = file.isReadable ? tls.reader.inspection.authorities(file.path) : []
                for finding in findings { tls.report(finding, in: file.path, at: "ca") }
            }
            tls.finish()
            if let url, url.scheme != .https {
                section.reader.report("\(section.name("tls")): only for an https:// url", at: section.place("tls"))
            }
        }
        apiKey = section.text("api_key", expecting: "a key", isSecret: true)
        maxRunning = section.count("max_running", in: 1...1_000_000)
        section.read("include_usage", &includeUsage)
        if let health = section.section("health") { self.health.read(health) }
        section.read("idle_timeout", &idleTimeout, in: .zero ... .seconds(3600))
        forward = ForwardSettings(reading: section)
        section.finish()
        if url == nil { return nil }
    }
}

extension ExecutorSettings.Health {
    fileprivate mutating func read(_ section: ConfigurationSection) {
        path = section.text("path", expecting: "a path such as /health")
        if let path, !path.hasPrefix("/") {
            section.reader.report("\(section.name("path")): must begin with '/'", at: section.place("path"))
        }
        section.read("interval", &interval, in: .zero ... .seconds(3600))
        section.read("timeout", &timeout, in: .milliseconds(10) ... .seconds(600))
        rise = section.count("rise", in: 1...100) ?? rise
        fall = section.count("fall", in: 1...100) ?? fall
        section.finish()
    }
}

extension ConfigurationSection {
    /// An executor's address, reported where it is missing, does not parse, or needs what this version lacks.
    fileprivate func executorURL(_ key: String) -> ExecutorURL? {
        let expected = "http://HOST:PORT, https://HOST or unix:/PATH"
        guard let scalar = scalar(key, expecting: expected) else {
            requireKey(key, expecting: expected)
            return nil
        }
        switch ExecutorURL.parse(scalar.text) {
        case .success(let url):
            return url
        case .failure(let problem):
            // Not quoted where it may hold a password.
            if scalar.raw.contains("@") {
                reader.report("\(name(key)): the URL \(problem.message)", at: scalar.position)
            } else {
                reject(scalar, key, problem.message)
            }
            return nil
        }
    }
}

extension ExecutorURL {
    /// Stands in while the rest of an entry is checked whose own URL does not parse.
    fileprivate static let none = ExecutorURL(scheme: .unix, host: "", port: 0, pathPrefix: "", socketPath: "")
}
