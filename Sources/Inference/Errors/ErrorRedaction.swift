// Removes the operator's addresses, paths, API keys and other secrets from an engine's text, so that the text may go to
// clients and logs.
internal import Transport

/// Replaces addresses, file paths, API keys and other secrets in the texts of engines.
package enum ErrorRedaction {
    /// The text with `[address]` in place of each URL, host and IP address, `[path]` in place of each file path, and
    /// `[key]` in place of each API key or other secret.
    package static func redacted(_ text: String) -> String {
        var redactor = Redactor(Array(text.utf8))
        let bytes = redactor.run()
        return redactor.hasChanged ? String(decoding: bytes, as: UTF8.self) : text
    }

    /// Redacts each string of a JSON document; a string without anything to redact stays as it is.
    ///
    /// - Parameter json: A valid JSON document.
    package static func redacted(json: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(json.count)
        var index = 0
        while index < json.count {
            guard json[index] == UInt8(ascii: "\"") else {
                out.append(json[index])
                index += 1
                continue
            }
            var end = index + 1
            while end < json.count, json[end] != UInt8(ascii: "\"") { end += json[end] == UInt8(ascii: "\\") ? 2 : 1 }
            let literal = Array(json[index...min(end, json.count - 1)])
            if case .string(let text)? = JSONValue(parsing: literal) {
                let clean = redacted(text)
                if clean == text { out += literal } else { JSONWriter.append(clean, to: &out) }
            } else {
                out += literal
            }
            index = end + 1
        }
        return out
    }

    /// The word if it looks like an identifier in a program; otherwise nil.
    ///
    /// Such a word may be logged, because it does not quote text of the client.
    ///
    /// - Returns: nil if the word is empty, is longer than 64 bytes, has more than three spaces, or has a character
    ///   that does not occur in identifiers.
    package static func identifier(_ word: String?) -> String? {
        guard let word, !word.isEmpty, word.utf8.count <= 64 else { return nil }
        let isName = word.utf8.allSatisfy { $0.isAlphanumeric || "_-.[]# ".utf8.contains($0) }
        return isName && word.filter({ $0 == " " }).count <= 3 ? word : nil
    }
}

/// Reads a text once, and looks for an address, a path or a key at each index where a word may begin.
private struct Redactor {
    private static let address = Array("[address]".utf8)
    private static let path = Array("[path]".utf8)
    private static let key = Array("[key]".utf8)

    private let text: [UInt8]
    private(set) var hasChanged = false

    init(_ text: [UInt8]) { self.text = text }

    mutating func run() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if let (end, word) = match(at: index) {
                out += word
                index = end
                hasChanged = true
            } else {
                out.append(text[index])
                index += 1
            }
        }
        return out
    }

    /// The end index and the replacement of an address, path or key that begins at this index; nil if none begins here.
    private func match(at index: Int) -> (Int, [UInt8])? {
        let before = index > 0 ? text[index - 1] : 0x20
        if text[index] == UInt8(ascii: "/") {
            let follows = before.isAlphanumeric || "_.-/<".utf8.contains(before)
            return follows ? nil : filePath(index).map { ($0, Self.path) }
        }
        if let (start, end) = assignedSecret(index, behind: before) { return (end, text[index..<start] + Self.key) }
        guard !before.isAlphanumeric, !"_.-".utf8.contains(before) else {
            return joinedIPv4(index, behind: before).map { ($0, Self.address) }
        }
        if let end = url(index) ?? ipv6(index) ?? ipv4(index) ?? hostAndPort(index) ?? internalHost(index) {
            return (end, Self.address)
        }
        if let end = hostParameter(index) { return (end, Array("host=".utf8) + Self.address) }
        if let end = windowsPath(index) { return (end, Self.path) }
        return secret(index).map { ($0, Self.key) }
    }

    /// The index of the first byte, from `index` on, for which `isPart` is false.
    private func end(from index: Int, while isPart: (UInt8) -> Bool) -> Int {
        var end = index
        while end < text.count, isPart(text[end]) { end += 1 }
        return end
    }

    private func has(_ word: StaticString, at index: Int) -> Bool {
        let count = word.utf8CodeUnitCount
        guard index + count <= text.count else { return false }
        return (0..<count).allSatisfy { unsafe text[index + $0] == word.utf8Start[$0] }
    }

    /// The index after the URL that begins at this index; nil if no URL begins at this index.
    ///
    /// Functions such as `ipv4`, `filePath` and `secret` do the same for other addresses, for paths and for keys.
    private func url(_ index: Int) -> Int? {
        guard text[index].isLetter else { return nil }
        let scheme = end(from: index) { $0.isAlphanumeric || "+.-".utf8.contains($0) }
        // The mark `://` is plain, has escaped slashes as in JSON, or is percent-encoded once or twice in another URL.
        let marks: [StaticString] = ["://", ":\\/\\/", "%3A%2F%2F", "%3a%2f%2f", "%253A%252F%252F"]
        guard let mark = marks.first(where: { has($0, at: scheme) }) else { return nil }
        let start = scheme + mark.utf8CodeUnitCount
        var stop = end(from: start, while: isOfURL)
        while stop + 1 < text.count, text[stop] == UInt8(ascii: "\\"), text[stop + 1] == UInt8(ascii: "/") {
            stop = end(from: stop + 1, while: isOfURL)
        }
        return trimmed(stop, notBefore: start)
    }

    private func isOfURL(_ byte: UInt8) -> Bool { byte > 0x20 && !"\"'<>\\`,;){}|".utf8.contains(byte) }

    /// Moves the end of an address or path back, so that the punctuation of the sentence is not part of it.
    private func trimmed(_ end: Int, notBefore start: Int) -> Int {
        var end = end
        while end > start, ".:]".utf8.contains(text[end - 1]) { end -= 1 }
        return end
    }

    /// The index after a port such as `:8000` that begins at `end`; `end` itself if there is no port.
    private func port(_ end: Int) -> Int {
        guard end < text.count, text[end] == UInt8(ascii: ":") else { return end }
        let digits = self.end(from: end + 1, while: \.isDigit)
        return digits > end + 1 && digits - end <= 6 ? digits : end
    }

    /// The index after the IPv4 address, with its port, that begins at this index; nil if none begins here.
    private func ipv4(_ index: Int) -> Int? {
        var position = index
        for group in 0..<4 {
            let digits = end(from: position, while: \.isDigit)
            let value = text[position..<digits].prefix(4).reduce(0) { $0 * 10 + Int($1 - 0x30) }
            guard (1...3).contains(digits - position), value < 256 else { return nil }
            position = digits
            if group < 3 {
                guard position < text.count, text[position] == UInt8(ascii: ".") else { return nil }
                position += 1
            }
        }
        if position < text.count, text[position].isAlphanumeric { return nil }
        return port(position)
    }

    /// The index after a private IPv4 address that is part of a name, as in `tcp-10.0.0.3`; nil if none begins here.
    ///
    /// Four numbers that are not a private address may be a version, so they are not redacted.
    private func joinedIPv4(_ index: Int, behind before: UInt8) -> Int? {
        guard !before.isDigit, before != UInt8(ascii: "."), let end = ipv4(index) else { return nil }
        let numbers = text[index..<end].split { !$0.isDigit }.map {
            $0.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        switch (numbers[0], numbers[1]) {
        case (10, _), (127, _), (192, 168), (169, 254), (172, 16...31), (100, 64...127): return end
        default: return nil
        }
    }

    /// Whether hexadecimal digits, colons and dots have the form of an IPv6 address: eight groups, or fewer with `::`.
    private static func isIPv6(_ run: ArraySlice<UInt8>) -> Bool {
        let colons = run.count { $0 == UInt8(ascii: ":") }
        let isShortened = zip(run, run.dropFirst()).contains { $0 == 0x3A && $1 == 0x3A }
        return (colons == 7 || (isShortened && colons <= 7)) && run.contains(where: \.isHexDigit)
    }

    /// The index after the IPv6 address that begins at this index; nil if none begins here.
    ///
    /// If the address stands in brackets, its port is included.
    private func ipv6(_ index: Int) -> Int? {
        let isBracketed = text[index] == UInt8(ascii: "[")
        let start = isBracketed ? index + 1 : index
        let stop = end(from: start) { $0.isHexDigit || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
        guard Self.isIPv6(text[start..<stop]) else { return nil }
        guard isBracketed else {
            let isWhole = stop == text.count || !text[stop].isAlphanumeric
            return isWhole ? trimmed(stop, notBefore: start) : nil
        }
        // Inside the brackets, a zone index such as `%eth0` may follow the address (RFC 4007 section 11).
        let close = end(from: stop) { $0.isAlphanumeric || $0 == UInt8(ascii: "%") }
        guard close < text.count, text[close] == UInt8(ascii: "]") else { return nil }
        return port(close + 1)
    }

    private func isOfHost(_ byte: UInt8) -> Bool { byte.isAlphanumeric || "_.-".utf8.contains(byte) }

    /// Words that are not host names, even if a colon and a number follow, as in `line:12`.
    private static let noHosts: Set<String> = [
        "line", "lines", "code", "column", "char", "pos", "position", "token", "tokens", "error", "errors", "status",
        "length",
        "limit", "size", "value", "id", "index", "version", "at", "got", "max", "min", "ctx", "seed", "time", "count",
        "input",
        "output", "requested", "prompt", "total", "number",
    ]

    /// The index after the host name and port that begin at this index; nil if none begin here.
    private func hostAndPort(_ index: Int) -> Int? {
        let stop = end(from: index, while: isOfHost)
        let name = text[index..<stop]
        let last = port(stop)
        guard last > stop + 2, name.contains(where: \.isLetter) else { return nil }
        if last < text.count, text[last].isAlphanumeric || text[last] == UInt8(ascii: ":") { return nil }
        let host = String(decoding: name, as: UTF8.self).lowercased()
        let word = host.split { "_.-".contains($0) }.last.map(String.init) ?? host
        guard !Self.noHosts.contains(word) else { return nil }
        let looksLikeHost = host == "localhost" || name.contains { "-.".utf8.contains($0) || $0.isDigit }
        return looksLikeHost || last - stop >= 5 ? last : nil
    }

    /// Endings of host names that exist only inside of a private network.
    private static let internalDomains = [
        ".local", ".internal", ".localdomain", ".lan", ".svc", ".cluster", ".intranet", ".private", ".corp", ".consul",
    ]

    /// Public top-level domains.
    ///
    /// A host name of three parts or more that ends in such a domain is redacted. A name of two parts is not redacted,
    /// because it may be a public site.
    private static let publicDomains: Set<Substring> = [
        "com", "net", "org", "io", "ai", "dev", "cloud", "co", "app", "edu", "gov", "info", "tech", "eu", "de", "uk",
        "fr",
        "nl", "ch", "cn", "jp", "kr", "in", "us", "ca", "au", "xyz", "sh",
    ]

    /// The index after the host name that begins here, if it is internal, or has three parts or more in a public
    /// domain; otherwise nil.
    private func internalHost(_ index: Int) -> Int? {
        guard text[index].isAlphanumeric else { return nil }
        let stop = trimmed(end(from: index, while: isOfHost), notBefore: index)
        let host = String(decoding: text[index..<stop], as: UTF8.self).lowercased()
        if Self.internalDomains.contains(where: { host.hasSuffix($0) && host.count > $0.count }) { return stop }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count >= 3, !parts.contains(""), let last = parts.last, Self.publicDomains.contains(last) {
            return stop
        }
        return Self.isMachineOfAmazon(parts[0]) ? stop : nil
    }

    /// Whether a label of a host name contains the machine's address, as Amazon's host names do: `ip-10-0-0-3`.
    private static func isMachineOfAmazon(_ label: Substring) -> Bool {
        let numbers = label.split(separator: "-").dropFirst()
        let isOfAddress = numbers.count == 4 && numbers.allSatisfy { Int($0).map { 0..<256 ~= $0 } == true }
        return isOfAddress && (label.hasPrefix("ip-") || label.hasPrefix("ec2-"))
    }

    /// The index after a host that is written as in Python, `host='engine'`; nil if none begins here.
    private func hostParameter(_ index: Int) -> Int? {
        guard has("host=", at: index) else { return nil }
        let quote = isQuote(index + 5) ? 1 : 0
        let stop = end(from: index + 5 + quote, while: isOfHost)
        guard stop > index + 5 + quote else { return nil }
        return quote == 1 && isQuote(stop) ? stop + 1 : stop
    }

    private func isQuote(_ index: Int) -> Bool { index < text.count && "'\"".utf8.contains(text[index]) }

    /// The index after the file path that begins at this index; nil if none begins here.
    ///
    /// A path is a file path if it has at least two parts, as `/srv/model`, or one part with a dot, as `/model.gguf`.
    /// Paths of APIs, which begin with `/v1`, `/v2` or `/api/`, are not redacted.
    private func filePath(_ index: Int) -> Int? {
        for own in ["/v1", "/v2", "/api/"] as [StaticString] where has(own, at: index) { return nil }
        let stop = end(from: index) { $0.isAlphanumeric || "/._-@+~%".utf8.contains($0) }
        let path = text[index..<trimmed(stop, notBefore: index)]
        let folders = path.dropFirst().split(separator: UInt8(ascii: "/")).count
        guard folders >= 2 || (folders == 1 && path.contains(UInt8(ascii: "."))) else { return nil }
        return path.endIndex
    }

    /// The index after a path that begins with a drive letter; nil if none begins here.
    private func windowsPath(_ index: Int) -> Int? {
        guard text[index].isLetter, index + 3 < text.count, text[index + 1] == UInt8(ascii: ":"),
            text[index + 2] == UInt8(ascii: "\\")
        else { return nil }
        return end(from: index + 3) { $0 > 0x20 && !"\"'<>|,;".utf8.contains($0) }
    }

    /// The beginnings by which the API keys of providers are recognized.
    private static let prefixes: [StaticString] = [
        "sk-", "sk_", "pk-", "hf_", "AIza", "gsk_", "xai-", "nvapi-", "pplx-", "csk-", "fw_", "r8_", "tgp_", "ghp_",
        "github_pat_", "glpat-", "xoxb-", "AKIA", "ASIA", "ya29.", "eyJ", "Bearer ",
    ]

    private func isOfSecret(_ byte: UInt8) -> Bool { isOfHost(byte) || "*~+/=".utf8.contains(byte) }

    /// The index after an API key that has one of `prefixes`, or after `Basic` credentials; nil if none begins here.
    private func secret(_ index: Int) -> Int? {
        for start in Self.prefixes where has(start, at: index) {
            let stop = end(from: index + start.utf8CodeUnitCount, while: isOfSecret)
            if stop - index > 12 { return trimmed(stop, notBefore: index) }
        }
        return basicCredentials(index)
    }

    /// The index after credentials such as `Basic dXNlcjpwYXNz`; nil if none begin here.
    private func basicCredentials(_ index: Int) -> Int? {
        guard has("Basic ", at: index) else { return nil }
        let stop = end(from: index + 6, while: isOfSecret)
        let value = text[index + 6..<stop]
        // `Basic authentication` is not a credential.
        let isSecret = value.dropFirst().contains {
            $0.isDigit || $0 == UInt8(ascii: "=") || 0x41...0x5A ~= $0
        }
        return stop - index > 12 && isSecret ? trimmed(stop, notBefore: index) : nil
    }

    /// Names of members and parameters whose value is a secret.
    ///
    /// If one name is the beginning of another, the longer name comes first, because the first match is used.
    private static let secretNames = [
        "x-api-key", "api_key", "api-key", "apikey", "access_token", "auth_token", "client_secret", "password",
        "passwd",
        "secret", "token", "key",
    ].map { Array($0.utf8) }

    /// The name from `secretNames` that begins at this index, in upper or lower case.
    ///
    /// - Returns: nil if no such name begins here, or if the text ends with the name.
    private func secretName(_ index: Int) -> [UInt8]? {
        Self.secretNames.first { name in
            index + name.count < text.count && zip(name, text[index...]).allSatisfy { $0 == $1 || $0 == $1 | 0x20 }
        }
    }

    /// The beginning and the end of the value in a text such as `api_key=a1b2c3` or `x-api-key: a1b2c3`; nil if no such
    /// text begins at this index.
    private func assignedSecret(_ index: Int, behind before: UInt8) -> (Int, Int)? {
        guard !before.isAlphanumeric, text[index].isLetter, let name = secretName(index) else { return nil }
        var start = end(from: index + name.count) { "'\"\\".utf8.contains($0) }
        guard start < text.count, text[start] == UInt8(ascii: "=") || text[start] == UInt8(ascii: ":") else {
            return nil
        }
        start = end(from: start + 1) { " '\"\\".utf8.contains($0) }
        let stop = trimmed(end(from: start, while: isOfSecret), notBefore: start)
        let value = text[start..<stop]
        let isLong = value.count >= (name.count < 6 ? 16 : 8)
        // A plain word, as in `token: expired`, describes a key and is not a key.
        return isLong && (value.contains(where: \.isDigit) || value.count >= 20) ? (start, stop) : nil
    }
}
