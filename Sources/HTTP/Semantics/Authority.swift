// The grammar of an authority (`host[:port]`, RFC 3986 section 3.2), for HTTP/1 and HTTP/2 requests.
internal import Transport

/// Whether the bytes are `host[:port]` without userinfo.
///
/// The host is a name, an IPv4 address, or an IPv6 address in brackets.
package func isAuthority(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
    let isAddress = bytes.first == UInt8(ascii: "[")
    guard let index = isAddress ? endOfAddress(bytes) : endOfName(bytes) else { return false }
    guard index != bytes.endIndex else { return true }
    guard bytes[index] == HTTP1Byte.colon else { return false }
    let port = bytes[bytes.index(after: index)...]
    guard port.count <= 5, port.allSatisfy(\.isDigit) else { return false }
    return port.reduce(0) { $0 * 10 + Int($1 - HTTP1Byte.zero) } <= 65535
}

/// The index after the bracketed IPv6 address at the start of the bytes; nil if the address is malformed.
private func endOfAddress<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.Index? {
    guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
    let address = bytes[bytes.index(after: bytes.startIndex)..<close]
    guard address.count >= 2, address.contains(HTTP1Byte.colon),
        address.allSatisfy({ $0.isHexDigit || $0 == HTTP1Byte.colon || $0 == UInt8(ascii: ".") })
    else { return nil }
    return bytes.index(after: close)
}

/// The index after the name or the IPv4 address at the start of the bytes; nil if the host is malformed or empty.
private func endOfName<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.Index? {
    var index = bytes.startIndex
    while index != bytes.endIndex, bytes[index] != HTTP1Byte.colon {
        if bytes[index] == UInt8(ascii: "%") {
            let digits = bytes[index...].dropFirst().prefix(2)
            guard digits.count == 2, digits.allSatisfy({ $0.isHexDigit }) else { return nil }
        } else if !isNameCharacter(bytes[index]) {
            return nil
        }
        index = bytes.index(after: index)
    }
    return index != bytes.startIndex ? index : nil
}

/// Whether two well-formed authorities name the same host and port.
///
/// - Parameter isSecure: true if a missing port means 443, false if it means 80.
func isSameAuthority(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>, isSecure: Bool) -> Bool {
    if one.equalsIgnoringCase(other) { return true }
    let (host, port) = hostAndPort(one)
    let (otherHost, otherPort) = hostAndPort(other)
    let usual = isSecure ? 443 : 80
    return host.equalsIgnoringCase(otherHost) && (port ?? usual) == (otherPort ?? usual)
}

/// The parts of an authority; the port is nil if it is missing or empty.
func hostAndPort(_ authority: ArraySlice<UInt8>) -> (host: ArraySlice<UInt8>, port: Int?) {
    let afterBrackets = authority.lastIndex(of: UInt8(ascii: "]")) ?? authority.startIndex
    guard let colon = authority[afterBrackets...].firstIndex(of: HTTP1Byte.colon) else { return (authority, nil) }
    let digits = authority[(colon + 1)...]
    let port = digits.isEmpty ? nil : digits.reduce(0) { $0 * 10 + Int($1 &- HTTP1Byte.zero) }
    return (authority[..<colon], port)
}

/// Whether the byte is `unreserved` or one of `sub-delims` (RFC 3986 section 2).
private func isNameCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x21, 0x24, 0x26...0x2e, 0x30...0x39, 0x3b, 0x3d, 0x41...0x5a, 0x5f, 0x61...0x7a, 0x7e: true
    default: false
    }
}
