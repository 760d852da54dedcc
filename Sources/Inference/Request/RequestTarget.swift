// A request target in the one form that everything is decided by and that executors get: whoever reads it again, a
// router in front of an engine or its framework, comes to what was decided here.
internal import Transport

/// The path and the query of a request.
package struct RequestTarget: Equatable, Sendable {
    /// Why a request with this target is refused.
    package enum Fault: Equatable, Sendable {
        /// `.` or `..` between two slashes, as it is or behind escapes: readers differ in where it leads.
        case dotSegment
        /// A `#`: some readers end the target there.
        case fragment
    }

    /// Path and query, of visible ASCII alone.
    ///
    /// In the path unreserved characters stand as they are, everything else that is escaped has its
    /// digits in upper case (RFC 3986 section 6.2.2); the query is as it came.
    package let bytes: [UInt8]
    package let fault: Fault?
    private let pathEnd: Int

    package var path: ArraySlice<UInt8> { bytes[..<pathEnd] }

    /// Not generic: other modules would call it unspecialized, with every request.
    package init(_ target: [UInt8]) {
        // Of nearly all requests.
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
                // No escape, so that none can come of it once its neighbours are decoded.
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

    /// HTTP/2 lets bytes through that HTTP/1.1 cannot carry.
    private static func append(_ byte: UInt8, to target: inout [UInt8]) {
        if (0x21...0x7E).contains(byte) { target.append(byte) } else { appendEscaped(byte, to: &target) }
    }

    private static func appendEscaped(_ byte: UInt8, to target: inout [UInt8]) {
        target.append(percent)
        target.append(UInt8.hexDigit(byte >> 4, uppercase: true))
        target.append(UInt8.hexDigit(byte & 15, uppercase: true))
    }

    /// `unreserved` of RFC 3986.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: byte.isAlphanumeric
        }
    }

    /// Whether a segment is `.` or `..` for any reader: for one that takes a backslash or what is escaped for a slash,
    /// for one that decodes again what was decoded, and for one that takes what follows a semicolon for parameters.
    private static func hasDotSegment(_ path: ArraySlice<UInt8>) -> Bool {
        var dots = 0
        var isDots = true
        var index = path.startIndex
        while index < path.endIndex {
            let (byte, length) = decoded(at: index, in: path)
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: "\\"):
                if isDots, dots == 1 || dots == 2 { return true }
                (dots, isDots) = (0, true)
            case UInt8(ascii: ";"):
                if isDots, dots == 1 || dots == 2 { return true }
                isDots = false
            case UInt8(ascii: "."): dots += 1
            default: isDots = false
            }
            index += length
        }
        return isDots && (dots == 1 || dots == 2)
    }

    /// What stands at `index`, however often it is escaped (`%2F`, `%252F`), and how long that is.
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
