// The configuration that `configure` proposes for the engines that it has found.
package import Configuration
internal import Transport

/// A configuration for the engines that were found, with the decisions that are left to the operator.
package struct ConfigurationProposal: Sendable {
    /// The configuration, in YAML with comments; nil if no engine with a model was found.
    package let yaml: String?
    /// One line about each URL that answered, and about each URL that the operator named.
    package let findings: [String]
    /// The decisions that are left to the operator, one line each.
    package let open: [String]

    /// Proposes a configuration.
    ///
    /// - Parameters:
    ///   - surveyed: each URL that was asked, with its result.
    ///   - named: the number of URLs at the start of `surveyed` that the operator named; each of these is reported.
    package init(_ surveyed: [(url: ExecutorURL, outcome: EngineSurvey.Outcome)], named: Int) {
        var findings: [String] = []
        var draft = DraftConfiguration()
        var portsInUse: Set<UInt16> = []
        var engines: [(url: ExecutorURL, listing: EngineListing)] = []
        var locked: [ExecutorURL] = []
        for (index, (url, outcome)) in surveyed.enumerated() {
            if case .absent(let why) = outcome {
                if index < named { findings.append("\(url): \(why)") }
                continue
            }
            portsInUse.insert(url.port)
            switch outcome {
            case .absent: break
            case .unusable(let what): findings.append("\(url): \(what)")
            case .locked(let status):
                locked.append(url)
                findings.append("\(url): wants a key (status \(status)), so its models are unknown")
            case .listed(let listing):
                findings.append("\(url): \(Self.description(of: listing))")
                if !listing.models.isEmpty, !listing.isThisServer { engines.append((url, listing)) }
            }
        }
        for (url, listing) in engines { draft.add(listing, at: url) }
        self.findings = findings
        var open: [String] = []
        for url in locked { open.append("\(url) wants a key: add it by hand as an executor with `api_key`") }
        if engines.contains(where: { $0.listing.kind == .auto }) {
            open.append("the kind of an engine that does not say what it is: it is left at auto")
        }
        guard !engines.isEmpty else {
            (yaml, self.open) = (nil, open)
            return
        }
        open += [
            "TLS and the address that clients reach: the listener is for programs of this machine",
            "keys of clients: `freeinference keys create`",
            "what the list of models says: prices, quantization, features",
        ]
        draft.heading =
            [
                "Configuration of FreeInference Edge, made by `freeinference configure` from the engines that it found.",
                "Every key is explained in docs/configuration.md. Run `freeinference check --config THIS_FILE`, then",
                "`freeinference serve`. What is left open:",
            ] + open.map { "- \($0)" }
        self.open = open
        yaml = draft.yaml(portsInUse: portsInUse)
    }

    /// Returns ports for the listener and the admin listener that none of the engines uses.
    ///
    /// The server is assumed to run on the machine of the engines.
    package static func ports(beside engines: [ExecutorURL]) -> (listener: UInt16, admin: UInt16) {
        DraftConfiguration.ports(beside: Set(engines.map(\.port)))
    }

    private static func description(of listing: EngineListing) -> String {
        if listing.isThisServer { return "is a server like this one, not an engine" }
        let software = listing.software ?? "an engine that does not say what it is"
        var words = "\(software) with \(listing.models.count) model\(listing.models.count == 1 ? "" : "s")"
        if listing.surplusCount > 0 { words += "; \(listing.surplusCount) more are left out" }
        if listing.unusableCount > 0 { words += "; \(listing.unusableCount) have no usable name and are left out" }
        return words
    }
}

extension DraftConfiguration {
    /// Adds the models of an engine.
    ///
    /// If the draft already has a model of the same name, from another engine, that model gets a further executor.
    fileprivate mutating func add(_ listing: EngineListing, at url: ExecutorURL) {
        var indexes: [ExactText: Int] = [:]
        for (index, model) in models.enumerated() { indexes[ExactText(model.executors[0].model ?? model.id)] = index }
        var ids = Set(models.map { ExactText($0.id) })
        for found in listing.models {
            let name = Self.literal(found.name)
            var executor = DraftExecutor(url: "\(url)")
            executor.model = name
            executor.kind = listing.kind == .auto ? nil : listing.kind
            executor.comments = ["\(listing.software ?? "It does not say what it is")."]
            if let index = indexes[ExactText(name)] {
                models[index].executors.append(executor)
                continue
            }
            // An engine that serves a model file uses the file's path as the model's name. The configuration gets the
            // last part of the path as the model's id, unless another model has that id.
            var id = name
            if name.hasPrefix("/"), let last = name.split(separator: "/").last {
                let short = last.hasSuffix(".gguf") ? String(last.dropLast(5)) : String(last)
                if !short.isEmpty, !ids.contains(ExactText(short)) { id = short }
            }
            guard ids.insert(ExactText(id)).inserted else { continue }
            var model = DraftModel(id: id)
            if let length = found.contextLength { model.set("context_length", "\(length)") }
            model.executors = [executor]
            indexes[ExactText(name)] = models.count
            models.append(model)
        }
    }
}
