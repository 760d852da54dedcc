// What an engine's answer to `GET /v1/models` says: which software it is, and which models it has.
internal import Inference
internal import Transport

/// The list of models of one engine.
package struct EngineListing: Sendable, Equatable {
    /// A model of the list.
    package struct Model: Sendable, Equatable {
        /// The engine's name for it.
        package var name: String
        /// The tokens of its context; nil where the engine does not say.
        package var contextLength: Int?

        /// A model of this name.
        package init(name: String, contextLength: Int? = nil) {
            self.name = name
            self.contextLength = contextLength
        }
    }

    /// The software, as far as the answer shows it; `auto` where it does not.
    package var kind = ExecutorSettings.Kind.auto
    /// The software's name for people; nil where the answer does not show it.
    package var software: String?
    package var models: [Model] = []
    /// Models that are not used: their names are no texts, empty, longer than 256 bytes, have characters that are not
    /// visible, or come twice.
    package var unusableCount = 0
    /// Models that are not used because there are more than `modelsMax`.
    package var surplusCount = 0
    /// Whether the answer comes from a server like this one.
    package var isThisServer = false

    /// The most models of one engine that are used.
    package static let modelsMax = 1000
    /// The longest name of a model, in bytes.
    private static let nameBytesMax = 256

    /// Reads an answer with status 200; nil where its body is no list of models.
    ///
    /// - Parameter server: the value of the answer's field `server`.
    package init?(body: [UInt8], server: String?) {
        guard let json = JSONValue(parsing: body), let items = json["data"]?.array else { return nil }
        var names: Set<ExactText> = []
        var owners: Set<String> = []
        for item in items {
            if let owner = item["owned_by"]?.string { owners.insert(owner.lowercased()) }
            guard let name = item["id"]?.string, Self.isUsable(name), names.insert(ExactText(name)).inserted else {
                unusableCount += 1
                continue
            }
            guard models.count < Self.modelsMax else {
                surplusCount += 1
                continue
            }
            let length = item["max_model_len"]?.integer ?? item["max_context_length"]?.integer
            let isPlausible = length.map { (1...Int(UInt32.max)).contains($0) } == true
            models.append(Model(name: name, contextLength: isPlausible ? length : nil))
        }
        identify(owners: owners, server: server?.lowercased() ?? "")
    }

    /// Whether a name may be served: 1 to 256 bytes of visible characters; a space may only be between two of them.
    private static func isUsable(_ name: String) -> Bool {
        (1...nameBytesMax).contains(name.utf8.count) && name.utf8.first != 0x20 && name.utf8.last != 0x20
            && name.unicodeScalars.allSatisfy { $0 == " " || isVisible($0.properties.generalCategory) }
    }

    private static func isVisible(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .control, .format, .surrogate, .privateUse, .unassigned: false
        case .lineSeparator, .paragraphSeparator, .spaceSeparator: false
        default: true
        }
    }

    /// Finds the software by who owns the models, and by the field `server`.
    private mutating func identify(owners: Set<String>, server: String) {
        if owners.contains("vllm") {
            (kind, software) = (.vllm, "vLLM")
        } else if owners.contains("sglang") {
            (kind, software) = (.sglang, "SGLang")
        } else if owners.contains("llamacpp") || server.contains("llama.cpp") {
            (kind, software) = (.llamaCpp, "llama.cpp")
        } else if owners.contains("library") {
            // Ollama names the namespace of each model, which is `library` for those of its own catalog.
            (kind, software) = (.ollama, "Ollama")
        } else if owners.contains("organization_owner") {
            software = "LM Studio"
        } else if owners.contains("tabbyapi") {
            software = "TabbyAPI"
        } else if owners.contains("simulator") {
            software = "`freeinference executor`"
        }
        isThisServer = owners.contains("freeinference")
    }
}
