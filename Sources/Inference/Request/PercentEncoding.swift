// Percent encoding of paths and queries (RFC 3986 section 2.1).
internal import Transport

/// Decodes each percent escape once; a `%` that does not begin an escape stays as it is.
package func percentDecoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let percent = UInt8(ascii: "%")
    guard bytes.contains(percent) else { return Array(bytes) }
    var decoded: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
        if bytes[index] == percent, index + 2 < bytes.endIndex,
            let high = bytes[index + 1].hexDigitValue, let low = bytes[index + 2].hexDigitValue
        {
            decoded.append(high << 4 | low)
            index += 3
        } else {
            decoded.append(bytes[index])
            index += 1
        }
    }
    return decoded
}
