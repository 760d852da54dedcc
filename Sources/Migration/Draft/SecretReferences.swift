// Replaces the API keys that an imported file has in clear text by references to environment variables.
internal import Transport

/// Chooses an environment variable for each API key that the imported file has in clear text.
///
/// The key itself is never part of the resulting configuration or of a message. Equal keys get the same variable.
struct SecretReferences {
    private var names: [ExactText: String] = [:]
    private var usedNames: Set<String>
    /// The variables that `variable(for:model:)` has named, each with the model from which its name was made.
    private(set) var named: [(variable: String, model: String)] = []

    /// Makes a table in which no key has a variable yet.
    ///
    /// - Parameter used: The variables that the imported file itself names. No key in clear text gets one of these
    ///   names.
    init(used: Set<String> = []) {
        usedNames = used
    }

    /// Returns the name of the variable for a key in clear text.
    ///
    /// - Parameter model: The model whose executor has the key. The name is made from the model's name, as in
    ///   `QWEN3_CODER_API_KEY`.
    mutating func variable(for secret: String, model: String) -> String {
        if let name = names[ExactText(secret)] { return name }
        var stem = ""
        for byte in model.utf8.prefix(48) {
            let letter = byte.isLetter ? byte & ~0x20 : byte
            let shown = letter.isAlphanumeric ? Character(Unicode.Scalar(letter)) : "_"
            if shown != "_" || stem.last != "_" { stem.append(shown) }
        }
        while stem.hasSuffix("_") { stem.removeLast() }
        if stem.isEmpty || stem.utf8.first?.isDigit == true || stem.hasPrefix("_") { stem = "MODEL_" + stem }
        while stem.hasSuffix("_") { stem.removeLast() }
        var name = "\(stem)_API_KEY"
        var number = 2
        while !usedNames.insert(name).inserted {
            name = "\(stem)_API_KEY_\(number)"
            number += 1
        }
        names[ExactText(secret)] = name
        named.append((name, model))
        return name
    }

    /// The text of the note about an API key that is left out because it is a placeholder (`isPlaceholder`).
    static let placeholderReason = "the word stands for no key, so none is sent"

    /// Whether the text of an API key, such as `none`, means that there is no key.
    ///
    /// Operators write such texts because client libraries refuse an empty key.
    static func isPlaceholder(_ text: String) -> Bool {
        let words: Set<String> = [
            "none", "null", "empty", "dummy", "fake", "fake-key", "fake-api-key", "no-key", "not-needed", "na", "n/a",
            "x", "anything", "token", "key", "placeholder", "unused", "ollama", "lm-studio", "vllm",
            "sk-no-key-required",
        ]
        return words.contains(text.lowercased())
    }

    /// Whether a text is the name of an environment variable.
    static func isVariableName(_ name: some StringProtocol) -> Bool {
        guard let first = name.utf8.first, !first.isDigit else { return false }
        return name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || $0.isAlphanumeric }
    }
}
