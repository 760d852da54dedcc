// Reads the section `executors` of a model.
internal import Transport

extension ExecutorSettings {
    /// Reads the executors of a model: at least one, without duplicate URLs, and not all with weight 0.
    ///
    /// - Parameter file: The file that `executors_from` of the model names. The executors in the file are read but not
    ///   returned; they are stored in `ConfigurationReader.executorLists`.
    static func readAll(
        from model: ConfigurationSection,
        beside file: ExecutorFile? = nil,
        engines: inout EngineClaims
    ) -> [ExecutorSettings] {
        let expected = "at least one '- url: http://HOST:PORT'"
        let sections = model.sections("executors", expecting: expected) ?? []
        // A missing `executors` is an error only if `executors_from` is missing. An invalid `executors_from` has
        // already been reported.
        if !model.has("executors_from") || model.has("executors") {
            model.requireKey("executors", expecting: expected)
        }
        var weights = 0
        let executors = read(sections, beside: [], weights: &weights, engines: &engines)
        var listedCount = 0
        if let file, let listed = model.sections(of: file, at: "executors_from") {
            listedCount = listed.count
            let further = read(listed, beside: executors, weights: &weights, engines: &engines)
            model.reader.noteListed(further, in: file.path)
        }
        if weights == 0, sections.count + listedCount > 0 {
            let key = sections.isEmpty ? "executors_from" : "executors"
            model.report(key, "all weights are 0, so that no executor would be chosen")
        }
        return executors
    }

    /// Reads executor entries of one model.
    ///
    /// - Parameters:
    ///   - others: The executors of the model that were read before; an entry with the URL of one of them is an error.
    ///   - weights: The sum to which the weights of all entries are added, including entries with errors.
    static func read(
        _ sections: [ConfigurationSection],
        beside others: [ExecutorSettings],
        weights: inout Int,
        engines: inout EngineClaims
    ) -> [ExecutorSettings] {
        var urls = Set(others.map(\.url))
        var executors: [ExecutorSettings] = []
        for section in sections {
            let weight = section.count("weight", in: 0...1_000_000)
            weights += weight ?? 1
            guard let executor = ExecutorSettings(reading: section, weight: weight ?? 1) else { continue }
            if !urls.insert(executor.url).inserted {
                section.report("url", "\(executor.url) is an executor of this model already")
            }
            engines.check(executor, at: "url", of: section)
            executors.append(executor)
        }
        return executors
    }

    private init?(reading section: ConfigurationSection, weight: Int) {
        let url = section.executorURL("url")
        self.init(url: url ?? ExecutorURL.none)
        self.weight = weight
        readResolve(from: section, besideURLAt: "url", isURLValid: url != nil)
        model = section.text("model", expecting: "the executor's name for this model")
        read(from: section, isURLValid: url != nil)
        forward = ForwardSettings(reading: section)
        section.finish()
        if url == nil { return nil }
    }

    /// Reads the engine of a `discover` entry; nil if the URL is missing or does not parse.
    init?(discoveredBy section: ConfigurationSection) {
        let url = section.executorURL("discover")
        self.init(url: url ?? ExecutorURL.none)
        weight = section.count("weight", in: 1...1_000_000) ?? weight
        read(from: section, isURLValid: url != nil)
        if url == nil { return nil }
    }

    /// Reads the keys that say how an engine is reached and how its health is checked; `url` must have been set before.
    private mutating func read(from section: ConfigurationSection, isURLValid: Bool) {
        section.read("kind", &kind)
        section.read("protocol", &wireProtocol)
        if let tls = section.section("tls") {
            if let file = tls.checkedFile("ca") {
                certificateAuthorityPath = file.path
                let reader = tls.reader
                let findings =
                    file.isReadable ? reader.inspection.authorities(file.path, reader.certificateNotice) : []
                for finding in findings { tls.report(finding, in: file.path, at: "ca") }
            }
            tls.finish()
            if isURLValid, url.scheme != .https {
                section.report("tls", "only for an https:// url")
            }
        }
        apiKey = section.text("api_key", expecting: "a key", isSecret: true)
        maxRunning = section.count("max_running", in: 1...1_000_000)
        section.read("include_usage", &includeUsage)
        stripBilling = section.flag("strip_billing")
        dialects = section.dialects()
        section.read("priority", &priority, of: kind)
        if let health = section.section("health") { self.health.read(health) }
        section.read("idle_timeout", &idleTimeout, in: .zero ... .seconds(3600))
    }
}

extension ExecutorSettings.Health {
    fileprivate mutating func read(_ section: ConfigurationSection) {
        path = section.text("path", expecting: "a path such as /health")
        if let path, !path.hasPrefix("/") {
            section.report("path", "must begin with '/'")
        }
        section.read("interval", &interval, in: .zero ... .seconds(3600))
        section.read("timeout", &timeout, in: .milliseconds(10) ... .seconds(600))
        rise = section.count("rise", in: 1...100) ?? rise
        fall = section.count("fall", in: 1...100) ?? fall
        section.finish()
    }
}

extension ConfigurationSection {
    /// Returns an executor's URL; reports an error and returns nil if the URL is missing or does not parse.
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
            // The message does not quote a URL that contains a user name, because it may also contain a password.
            if scalar.raw.contains("@") {
                reader.report("\(name(of: key)): the URL \(problem.message)", at: scalar.position)
            } else {
                reject(scalar, key, problem.message)
            }
            return nil
        }
    }
}

extension ExecutorURL {
    /// A placeholder for a URL that is missing or does not parse.
    ///
    /// With it, the other keys of the entry can still be checked.
    static let none = ExecutorURL(scheme: .unix, host: "", port: 0, pathPrefix: "", socketPath: "")
}
