// Reads three settings of a listener: the host names that it serves, the folder of its ACME challenges (files by which
// a certificate authority checks the domain), and the header fields that it adds to responses.
internal import HTTP
internal import Transport

extension ConfigurationSection {
    /// Reads the key `hosts`, a list of names, of names that begin with `*.`, and of IP addresses.
    ///
    /// The result is empty if the key is absent.
    func servedHosts() -> [String] {
        let expected = "names such as api.example.org or *.example.org, or IP addresses"
        guard let names = texts("hosts", expecting: expected) else { return [] }
        requireKey("hosts", expecting: expected)
        return names.compactMap { name, position in
            if let host = ServedHosts.canonical(name) { return host }
            let quoted = Self.printable(name)
            reader.report(
                "\(self.name(of: "hosts[]")): '\(quoted)': expected a name or an address, without a port",
                at: position
            )
            return nil
        }
    }

    /// Reads the key `acme_webroot`, the path of the folder with ACME challenges.
    ///
    /// The result is nil if the key is absent. It is also nil, with an error, if the listener has TLS, because
    /// certificate authorities fetch challenges without TLS.
    func acmeWebroot(isSecure: Bool) -> String? {
        guard let path = text("acme_webroot", expecting: "the path of a folder").map(reader.resolve) else { return nil }
        guard !isSecure else {
            report("acme_webroot", "has no meaning beside tls: authorities ask without TLS")
            return nil
        }
        if let problem = reader.inspection.folder(path) {
            report("acme_webroot", "cannot read \(Self.printable(path)): \(problem)")
        }
        return path
    }

    /// The largest number of header fields that `response_fields` may have.
    private static let responseFieldsMax = 32
    /// The largest lengths of a field's name and of its value, in bytes.
    private static let (nameBytesMax, valueBytesMax) = (64, 1024)

    /// Reads the key `response_fields`, a section of header fields with their values; empty if the key is absent.
    func responseFields() -> [ListenerSettings.ResponseField] {
        guard let section = section("response_fields") else { return [] }
        if section.entries.count > Self.responseFieldsMax {
            report("response_fields", "has more than \(Self.responseFieldsMax) fields")
            return []
        }
        var fields: [ListenerSettings.ResponseField] = []
        for entry in section.entries {
            let name = entry.key.lowercased()
            let shown = "\(self.name(of: "response_fields")): '\(Self.printable(entry.key))'"
            if let problem = Self.problem(withResponseField: name) {
                reader.report("\(shown) \(problem)", at: entry.keyPosition)
            } else if fields.contains(where: { $0.name == name }) {
                reader.report("\(shown) is there already", at: entry.keyPosition)
            } else if let value = fieldValue(entry.value, shown) {
                fields.append(ListenerSettings.ResponseField(name: name, value: value))
            }
        }
        return fields
    }

    /// Reads the value of a response field; reports an error and returns nil if the value cannot be sent.
    private func fieldValue(_ node: ConfigurationNode, _ shown: String) -> String? {
        guard case .scalar(let text, _, _) = node.kind else {
            if case .unusable = node.kind { return nil }
            reader.report("\(shown) expected a single value", at: node.position)
            return nil
        }
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), !text.isEmpty, text.first != " ", text.last != " "
        else {
            reader.report("\(shown) must have a value of printable ASCII, without spaces around it", at: node.position)
            return nil
        }
        guard text.utf8.count <= Self.valueBytesMax else {
            reader.report("\(shown) has a value of more than \(Self.valueBytesMax) bytes", at: node.position)
            return nil
        }
        return text
    }

    /// Returns why the operator may not set a response field with this name, which is in lower case; nil if it is
    /// allowed.
    private static func problem(withResponseField name: String) -> String? {
        guard (1...nameBytesMax).contains(name.utf8.count), name.utf8.allSatisfy(\.isToken) else {
            return "is not the name of a header field"
        }
        if framingFields.contains(name) { return "belongs to the connection, which this server frames itself" }
        let isPolicy = name.hasPrefix("content-security-policy")
        let isOurs = ourPrefixes.contains { name.hasPrefix($0) } && !isPolicy
        return isOurs || ourFields.contains(name) ? "is a field that this server sets itself" : nil
    }

    private static let framingFields: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host",
        "http2-settings", "expect",
    ]
    private static let ourFields: Set<String> = [
        "allow", "date", "location", "proxy-authenticate", "request-id", "retry-after", "retry-after-ms", "vary",
        "www-authenticate", "x-accel-buffering", "x-request-id", "x-should-retry", "accept-encoding",
    ]
    private static let ourPrefixes = ["content-", "access-control-", "x-ratelimit-"]
}
