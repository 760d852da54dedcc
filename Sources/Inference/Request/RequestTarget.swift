// The normal form of a request target. The edge makes every decision by the normal form, and sends it to executors. A
// router or a framework in front of an engine can therefore not interpret the target differently from the edge.
internal import Transport

/// The path and the query of a request in their normal form.
package struct RequestTarget: Equatable, Sendable {
    /// Why a request with this target is refused.
    package enum Fault: Equatable, Sendable {
        /// The path has a segment `.` or `..`, perhaps escaped. HTTP implementations resolve such a segment
        /// differently.
        case dotSegment
        /// The target has a `#`. Some HTTP implementations ignore everything from the `#` on.
        case fragment
    }

    /// The path and the query, in visible ASCII.
    ///
    /// In the path, unreserved characters are not escaped, and escapes have digits in upper case (RFC 3986 section
    /// 6.2.2). The query is unchanged, except that bytes outside of visible ASCII are escaped.
    package let bytes: [UInt8]
    /// Why the target must be refused; nil if it may be served.
    package let fault: Fault?
    private let pathEnd: Int

    /// The path without the query.
    package var path: ArraySlice<UInt8> { bytes[..<pathEnd] }

    /// Brings a target into its normal form.
    ///
    /// The parameter has a concrete type. A generic initializer would be slower, because Swift does not specialize it
    /// for callers in other modules, and such callers use it for each request.
    package init(_ target: [UInt8]) {
        // Nearly all requests have this target, which is already in its normal form.
        if target.span.equals("/v1/chat/completions") {
            (bytes, fault, pathEnd) = (target, nil, target.count)
            return
        }
        let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        var normal = Self.normalized(target[..<end])
        pathEnd = normal.count
        var hasFragment = normal.contains(Self.hash)
        for byte in target[end...] {
            hasFragment = hasFragment || byte == Self.hash
            Self.append(byte, to: &normal)
        }
        bytes = normal
        fault = hasFragment ? .fragment : Self.hasDotSegment(normal[..<pathEnd]) ? .dotSegment : nil
    }

    private static let percent = UInt8(ascii: "%")
    private static let hash = UInt8(ascii: "#")

    /// The normal form of a path.
    private static func normalized(_ path: ArraySlice<UInt8>) -> [UInt8] {
        var normal: [UInt8] = []
        normal.reserveCapacity(path.count)
        var index = path.startIndex
        while index < path.endIndex {
            let byte = path[index]
            guard byte == percent else {
                append(byte, to: &normal)
                index += 1
                continue
            }
            guard index + 2 < path.endIndex, let high = path[index + 1].hexDigitValue,
                let low = path[index + 2].hexDigitValue
            else {
                // A `%` that does not begin an escape is escaped itself. Otherwise the `%` could begin an escape after
                // the characters behind it have been decoded.
                appendEscaped(byte, to: &normal)
                index += 1
                continue
            }
            let decoded = high << 4 | low
            if isUnreserved(decoded) { normal.append(decoded) } else { appendEscaped(decoded, to: &normal) }
            index += 3
        }
        return normal
    }

    /// Appends a byte, escaped unless it is visible ASCII, because HTTP/2 transmits bytes that HTTP/1.1 does not allow.
    private static func append(_ byte: UInt8, to target: inout [UInt8]) {
        if (0x21...0x7E).contains(byte) { target.append(byte) } else { appendEscaped(byte, to: &target) }
    }

    private static func appendEscaped(_ byte: UInt8, to target: inout [UInt8]) {
        target.append(percent)
        target.append(UInt8.hexDigit(byte >> 4, uppercase: true))
        target.append(UInt8.hexDigit(byte & 15, uppercase: true))
    }

    /// Whether a byte is `unreserved` (RFC 3986 section 2.3).
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: byte.isAlphanumeric
        }
    }

    /// Whether any HTTP implementation could see a segment `.` or `..` in the path.
    ///
    /// Some implementations read a backslash or an escaped slash as a slash. Some decode a path twice. Some read the
    /// text after a semicolon as parameters of the segment.
    private static func hasDotSegment(_ path: ArraySlice<UInt8>) -> Bool {
        var dots = 0
        var isDots = true
        var index = path.startIndex
        while index < path.endIndex {
            let (byte, length) = decoded(at: index, in: path)
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ";"):
                if isDots, (1...2).contains(dots) { return true }
                (dots, isDots) = (0, byte != UInt8(ascii: ";"))
            case UInt8(ascii: "."): dots += 1
            default: isDots = false
            }
            index += length
        }
        return isDots && (1...2).contains(dots)
    }

    /// The byte at `index` with all its escapes decoded (`%2F`, `%252F`), and the number of bytes that it takes in the
    /// path.
    private static func decoded(at index: Int, in path: ArraySlice<UInt8>) -> (byte: UInt8, length: Int) {
        guard path[index] == percent else { return (path[index], 1) }
        var next = index + 1
        while next + 3 < path.endIndex, path[next] == UInt8(ascii: "2"), path[next + 1] == UInt8(ascii: "5") {
            next += 2
        }
        guard next + 1 < path.endIndex, let high = path[next].hexDigitValue,
            let low = path[next + 1].hexDigitValue
        else {
            return (percent, 1)
        }
        return (high << 4 | low, next + 2 - index)
    }
}
