// The content of an engine's response to `GET /v1/models`: the software of the engine, and its models.
internal import Inference
internal import Transport

/// The list of models of one engine.
package struct EngineListing: Sendable, Equatable {
    /// One model in the list.
    package struct Model: Sendable, Equatable {
        /// The name that the engine uses for the model.
        package var name: String
        /// The context length in tokens; nil if the engine does not state it.
        package var contextLength: Int?

        /// Makes a model with the given name.
        package init(name: String, contextLength: Int? = nil) {
            self.name = name
            self.contextLength = contextLength
        }
    }

    /// The kind of the engine; `auto` if the response does not reveal it.
    package var kind = ExecutorSettings.Kind.auto
    /// The name of the engine's software, such as `vLLM`, for messages to the operator; nil if the response does not
    /// reveal it.
    package var software: String?
    package var models: [Model] = []
    /// The number of models that are ignored because of their name.
    ///
    /// A model is ignored if its name is not a string, is a duplicate, or is not 1 to 256 bytes of visible characters.
    package var unusableCount = 0
    /// The number of models that are ignored because the list has more than `modelsMax` models.
    package var surplusCount = 0
    /// Whether the response comes from a FreeInference Edge server, this one or another, and not from an engine.
    package var isThisServer = false

    /// The largest number of models of one engine that the server uses.
    package static let modelsMax = 1000
    /// The longest name of a model, in bytes.
    private static let nameBytesMax = 256

    /// Reads a response with status 200; nil if its body is not a list of models.
    ///
    /// - Parameter server: The value of the response's `server` field.
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

    /// Whether a name has 1 to 256 bytes and visible characters only; spaces are allowed except at the beginning and
    /// end.
    package static func isUsable(_ name: String) -> Bool {
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

    /// Recognizes the software by the `owned_by` values of the models and by the `server` field of the response.
    private mutating func identify(owners: Set<String>, server: String) {
        if owners.contains("vllm") {
            (kind, software) = (.vllm, "vLLM")
        } else if owners.contains("sglang") {
            (kind, software) = (.sglang, "SGLang")
        } else if owners.contains("llamacpp") || server.contains("llama.cpp") {
            (kind, software) = (.llamaCpp, "llama.cpp")
        } else if owners.contains("library") {
            // Ollama sets `owned_by` to the namespace of the model, which is `library` for models of Ollama's own
            // catalog.
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
