// Reading what passes to executors beside the usual: paths of a model, and header fields of clients.
internal import HTTP
internal import Inference

extension ForwardSettings {
    /// Reads `forward_fields` and `forward_user_agent` of a section.
    init(reading section: ConfigurationSection) {
        self.init()
        let expected = "names of header fields, such as http-referer or x-openrouter-*"
        for (text, position) in section.texts("forward_fields", expecting: expected) ?? [] {
            let name = text.lowercased()
            if let problem = Self.problem(with: Array(name.utf8)[...]) {
                let shown = ConfigurationSection.printable(text)
                section.reader.report("\(section.name("forward_fields[]")): '\(shown)' \(problem)", at: position)
            } else {
                fields.append(name)
            }
        }
        if section.has("forward_user_agent") {
            var isForwarded = true
            section.read("forward_user_agent", &isForwarded)
            userAgent = isForwarded
        } else {
            _ = section.anything("forward_user_agent")
        }
    }

    /// What is wrong with a name in lower case; nil where it may be forwarded.
    private static func problem(with name: ArraySlice<UInt8>) -> String? {
        let isBeginning = name.last == UInt8(ascii: "*")
        let stem = isBeginning ? name.dropLast() : name
        guard stem.allSatisfy(isOfName), !stem.isEmpty else {
            return "is not the name of a header field, nor the beginning of one with '*' behind it"
        }
        if isBeginning, stem.last != UInt8(ascii: "-") || stem.count < 3 {
            return "must have a word and a hyphen before its '*'"
        }
        if stem.elementsEqual("user-agent".utf8) { return "has a setting of its own: forward_user_agent" }
        // What begins so is looked at name by name.
        return FieldName.whyNeverForwarded(stem).map { "is never forwarded: it \($0)" }
    }

    /// `token` of RFC 9110, in lower case.
    private static func isOfName(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

extension ConfigurationSection {
    /// Paths at which a model's executors may be asked, in the form that requests are compared in.
    func passthroughPaths(_ key: String) -> [String] {
        var paths: [String] = []
        for (text, position) in texts(key, expecting: "paths such as /v1/audio/voices") ?? [] {
            if let problem = Self.problem(withPath: text) {
                reader.report("\(name(key))[]: '\(Self.printable(text))' \(problem)", at: position)
            } else {
                paths.append(text)
            }
        }
        return paths
    }

    private static func problem(withPath path: String) -> String? {
        let target = RequestTarget(Array(path.utf8))
        guard path.hasPrefix("/"), path.utf8.count > 1 else { return "must begin with '/', and name something" }
        if path.utf8.contains(where: { $0 == 0x3F || $0 == 0x23 }) { return "must not have a query or a fragment" }
        if target.fault != nil { return "must not have segments that are '.' or '..'" }
        guard target.bytes.elementsEqual(path.utf8) else {
            return "is compared as '\(String(decoding: target.bytes, as: UTF8.self))': write it so"
        }
        if Endpoint.isOwn(path) { return "is answered by this server itself" }
        if Dialect.paths.contains(where: { String(describing: $0.path) == path }) { return "passes for every model" }
        return nil
    }
}
