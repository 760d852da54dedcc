// Reads `forward_fields`, `forward_user_agent` and `forward_client`, which say what executors get of a client's header
// fields. All three keys are allowed at the top level, in a model and in an executor.
internal import HTTP
internal import Transport

extension ForwardSettings {
    /// Reads the keys of a section that begin with `forward_`.
    ///
    /// The section reports an error if `forward_fields` names a field that must never reach an executor.
    init(reading section: ConfigurationSection) {
        self.init()
        let expected = "names of header fields, such as http-referer or x-openrouter-*"
        for (text, position) in section.texts("forward_fields", expecting: expected) ?? [] {
            let name = text.lowercased()
            if let problem = Self.problem(with: Array(name.utf8)[...]) {
                let shown = ConfigurationSection.printable(text)
                section.reader.report("\(section.name(of: "forward_fields[]")): '\(shown)' \(problem)", at: position)
            } else {
                fields.append(name)
            }
        }
        userAgent = section.flag("forward_user_agent")
        client = section.flag("forward_client")
    }

    /// Returns why a field with this name, which is in lower case, may not be forwarded; nil if it may be.
    private static func problem(with name: ArraySlice<UInt8>) -> String? {
        let isPrefix = name.last == UInt8(ascii: "*")
        let stem = isPrefix ? name.dropLast() : name
        guard stem.allSatisfy(\.isToken), !stem.isEmpty else {
            return "is not the name of a header field, nor the beginning of one with '*' behind it"
        }
        if isPrefix, stem.last != UInt8(ascii: "-") || stem.count < 3 {
            return "must have a word and a hyphen before its '*'"
        }
        if stem.elementsEqual("user-agent".utf8) { return "has a setting of its own: forward_user_agent" }
        // A name that ends in `*` means all fields whose names begin with the part before the `*`. Only this part can
        // be checked here; `ForwardedFields.names` checks the whole name of each field of a request.
        return FieldName.whyNeverForwarded(stem).map { "is never forwarded: it \($0)" }
    }
}
