// Reading the section `executors` of a model.
internal import Transport

extension ExecutorSettings {
    /// Reads the executors of a model: at least one, each with a URL of its own and not all with weight 0.
    static func readAll(
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
                section.report("url", "\(executor.url) is an executor of this model already")
            }
            engines.check(executor, read: section)
            executors.append(executor)
        }
        if weights == 0, sections?.isEmpty == false {
            model.report("executors", "all weights are 0, so that no executor would be chosen")
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
                section.report("tls", "only for an https:// url")
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
    /// Returns an executor's URL; nil, and an error is reported, if it is missing or does not parse.
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
            // A URL with a user may contain a password, so it is not quoted.
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
    /// A placeholder for a URL that does not parse, so that the rest of the entry is still checked.
    fileprivate static let none = ExecutorURL(scheme: .unix, host: "", port: 0, pathPrefix: "", socketPath: "")
}
