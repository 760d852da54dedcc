// The client's address in the header fields of proxies: `x-forwarded-for`, `forwarded`, `cf-connecting-ip`.
package import Transport

/// Reads the address of the client from a field of a request that a trusted peer has sent.
package enum ForwardedAddress {
    /// The largest number of addresses that are read from a field, counted from its right end.
    ///
    /// Each trusted proxy adds one address, and real chains of proxies are much shorter.
    static let entriesMax = 64

    /// Finds the address of the client in the header field that `source` names.
    ///
    /// A list is read from right to left, because each proxy appends the address of its own peer. The first address
    /// that does not belong to a trusted proxy is the client's. If all addresses belong to trusted proxies, the
    /// leftmost address is the client's. Reading ends at an element that is not an address, because nothing to the left
    /// of it can be trusted. The client's address is then the last address that was read.
    ///
    /// - Parameter trusted: the addresses of trusted proxies.
    /// - Returns: the address with port 0; nil if the field is absent or gives no address. The peer then counts as the
    ///   client.
    package static func client(
        in fields: FieldBlock,
        from source: ClientAddressSource,
        trusted: AddressSet
    ) -> SocketAddress? {
        switch source {
        case .peer, .proxyProtocol: return nil
        case .cfConnectingIP: return single(fields, .cfConnectingIP)
        case .xForwardedFor: return walk(entries(of: fields, .xForwardedFor), trusted: trusted) { address($0) }
        case .forwarded: return walk(entries(of: fields, .forwarded), trusted: trusted) { forwardedFor($0) }
        }
    }

    /// The address in a field that holds a single address; nil if the field is absent, malformed or repeated.
    private static func single(_ fields: FieldBlock, _ name: FieldName) -> SocketAddress? {
        var found: SocketAddress?
        for index in 0..<fields.count where fields.known(index) == name {
            guard found == nil, let address = address(fields.value(index)) else { return nil }
            found = SocketAddress(address, port: 0)
        }
        return found
    }

    private static func walk(
        _ entries: [ArraySlice<UInt8>],
        trusted: AddressSet,
        _ read: (ArraySlice<UInt8>) -> IPAddress?
    ) -> SocketAddress? {
        var last: IPAddress?
        for entry in entries {
            guard let address = read(entry) else { break }
            last = address
            if !trusted.contains(address) { break }
        }
        return last.map { SocketAddress($0, port: 0) }
    }

    /// The last elements of the list in a field, at most `entriesMax`, in reverse order.
    ///
    /// Empty elements are skipped (RFC 9110 section 5.6.1). If the field occurs several times, its values form one
    /// list.
    private static func entries(of fields: FieldBlock, _ name: FieldName) -> [ArraySlice<UInt8>] {
        var entries: [ArraySlice<UInt8>] = []
        for index in (0..<fields.count).reversed() where fields.known(index) == name {
            for element in elements(of: fields.value(index)) {
                guard entries.count < entriesMax else { return entries }
                let text = element.trimmed
                if !text.isEmpty { entries.append(text) }
            }
        }
        return entries
    }

    /// The elements of one field value, in reverse order; a comma inside quotes does not separate elements.
    ///
    /// Quotes are paired from right to left, because the client may have sent the left part of the value. If quotes
    /// were paired from left to right, an unpaired quote of the client could hide the elements that trusted proxies
    /// append.
    private static func elements(of line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var end = line.endIndex
        var isQuoted = false
        for index in line.indices.reversed() {
            if line[index] == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if line[index] == UInt8(ascii: ","), !isQuoted {
                parts.append(line[(index + 1)..<end])
                end = index
                if parts.count == entriesMax { return parts }
            }
        }
        parts.append(line[..<end])
        return parts
    }

    /// The address in the parameter `for` of an element of `forwarded` (RFC 7239 section 6).
    ///
    /// The result is nil if the element has no parameter `for` or more than one. It is also nil if the value is
    /// `unknown` or an obfuscated identifier.
    private static func forwardedFor(_ element: ArraySlice<UInt8>) -> IPAddress? {
        var found: ArraySlice<UInt8>?
        for pair in element.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false) {
            let pair = pair.trimmed
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else {
                if pair.isEmpty { continue }
                return nil
            }
            guard pair[..<equals].spells("for") else { continue }
            guard found == nil else { return nil }
            found = pair[(equals + 1)...]
        }
        guard var value = found else { return nil }
        if value.first == UInt8(ascii: "\"") {
            guard value.count >= 2, value.last == UInt8(ascii: "\"") else { return nil }
            value = value.dropFirst().dropLast()
        }
        return address(value)
    }

    /// Parses an address: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
    ///
    /// The result is nil for an address with a zone (`%eth0`), because a zone has no meaning on another machine.
    static func address(_ text: ArraySlice<UInt8>) -> IPAddress? {
        guard text.count <= 64 else { return nil }
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let inside = text[(text.startIndex + 1)..<end]
            guard inside.contains(UInt8(ascii: ":")), isPort(text[(end + 1)...]) else { return nil }
            return IPAddress(parsing: String(decoding: inside, as: UTF8.self))
        }
        let colons = text.filter { $0 == UInt8(ascii: ":") }.count
        guard colons == 1, let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
            return IPAddress(parsing: String(decoding: text, as: UTF8.self))
        }
        guard isPort(text[colon...]) else { return nil }
        return IPAddress(parsing: String(decoding: text[..<colon], as: UTF8.self))
    }

    /// Whether the text is empty, or a colon followed by a port number.
    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.first == UInt8(ascii: ":") else { return text.isEmpty }
        let digits = text.dropFirst()
        return (1...5).contains(digits.count) && digits.allSatisfy(\.isDigit)
    }
}
