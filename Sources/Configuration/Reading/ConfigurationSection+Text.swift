// Reads the single values of a section as texts: names, secrets, lists of texts, paths of files.

extension ConfigurationSection {
    /// A single value of the file, with its variables expanded.
    struct Scalar {
        let text: String
        /// The value as the file has it, before expansion.
        ///
        /// Messages quote this text, because `text` may be a secret.
        let raw: String
        let position: Position
    }

    /// Returns the single value of a key; nil if the key is absent.
    ///
    /// If the value is a list or a section, the function reports an error and returns nil.
    func scalar(_ key: String, expecting expected: String) -> Scalar? {
        node(key).flatMap { scalar($0, named: key, expecting: expected) }
    }

    /// Returns the value of a key as a text, which must not be empty or contain control characters.
    ///
    /// - Parameter isSecret: Whether the text is a secret, which must be visible ASCII because it is sent in a header
    ///   field.
    func text(_ key: String, expecting expected: String, isSecret: Bool = false) -> String? {
        guard let scalar = scalar(key, expecting: expected) else { return nil }
        return checked(scalar, key, expecting: expected, isSecret: isSecret)
    }

    /// Returns the texts in the value of a key, with their positions; nil if the key is absent or its value is not a
    /// list.
    func texts(_ key: String, expecting expected: String) -> [(text: String, position: Position)]? {
        guard let items = sequence(key, expecting: "a list: \(expected)") else { return nil }
        return items.compactMap { item in
            guard let scalar = scalar(item, named: "\(key)[]", expecting: expected),
                let text = checked(scalar, "\(key)[]", expecting: expected, isSecret: false)
            else { return nil }
            return (text, item.position)
        }
    }

    /// Returns the path in the value of a key; nil if the key has no path.
    ///
    /// If the file cannot be read, the function reports an error, and returns the path nevertheless. A relative path is
    /// resolved by `ConfigurationReader.resolve`.
    func readableFile(_ key: String) -> String? { checkedFile(key)?.path }

    /// Returns the path in the value of a key, and whether the file can be read; nil if the key has no path.
    ///
    /// Reports an error if the file cannot be read.
    func checkedFile(_ key: String) -> (path: String, isReadable: Bool)? {
        guard let path = text(key, expecting: "the path of a file").map(reader.resolve) else { return nil }
        guard let problem = reader.checkFile(path) else { return (path, true) }
        report(key, "cannot read \(Self.printable(path)): \(problem)")
        return (path, false)
    }

    /// Reports an error in a value.
    ///
    /// The message quotes the text before its expansion, because an expanded text may contain a secret.
    func reject(_ scalar: Scalar, _ key: String, _ why: String) {
        let expanded = scalar.raw == scalar.text ? "" : " once expanded"
        reader.report("\(name(of: key)): '\(Self.printable(scalar.raw))'\(expanded): \(why)", at: scalar.position)
    }

    private func scalar(_ node: ConfigurationNode, named key: String, expecting expected: String) -> Scalar? {
        if case .scalar(let text, let raw, let isPlain) = node.kind, !(isPlain && Self.isNull(raw)) {
            return Scalar(text: text, raw: raw, position: node.position)
        }
        reportKind(of: node, key, expecting: expected)
        return nil
    }

    private func checked(_ scalar: Scalar, _ key: String, expecting expected: String, isSecret: Bool) -> String? {
        if scalar.text.isEmpty {
            reader.report("\(name(of: key)): is empty; expected \(expected)", at: scalar.position)
            return nil
        }
        guard scalar.text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            reader.report("\(name(of: key)): must not contain control characters", at: scalar.position)
            return nil
        }
        if isSecret, !scalar.text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            reader.report("\(name(of: key)): must be visible ASCII without spaces", at: scalar.position)
            return nil
        }
        return scalar.text
    }
}
