// The field `cdn-loop` (RFC 8586), by which a request shows how often it has passed through this server.
internal import HTTP

/// Reads the field `cdn-loop` of a client's request, and makes the field for the request to an executor.
///
/// Each server on the way appends its id to the list. So a request that has already passed through this server carries
/// the id of this process.
enum CDNLoop {
    /// The largest size of all values of the field together, in bytes.
    ///
    /// A larger list counts as a loop, because each server on a loop adds its id once in each round.
    static let bytesMax = 4096
    /// The largest number of entries in the list that a client sends.
    static let entriesMax = 64

    /// Whether the request has passed through the process with the id `instance` more than `loopsMax` times, or carries
    /// a `cdn-loop` list that exceeds `bytesMax` or `entriesMax`.
    ///
    /// Ids are compared byte by byte. An id ends at the first white space or `;`; the rest of the list entry is
    /// ignored.
    static func isLoop(_ fields: FieldBlock, instance: String, loopsMax: Int) -> Bool {
        var (bytes, entries, passes) = (0, 0, 0)
        for index in 0..<fields.count where fields.known(index) == .cdnLoop {
            let value = fields.value(index)
            bytes += value.count
            guard bytes <= bytesMax else { return true }
            for entry in value.split(separator: UInt8(ascii: ",")) {
                guard let id = entry.split(whereSeparator: isEnd).first else { continue }
                entries += 1
                if id.elementsEqual(instance.utf8) { passes += 1 }
            }
        }
        return entries > entriesMax || passes > loopsMax
    }

    /// Adds `cdn-loop` to the fields for an executor: the client's list in order, then `instance`.
    ///
    /// A field line of the client is left out if it has a byte other than printable ASCII or a tab.
    static func append(_ fields: FieldBlock, instance: String, to kept: inout FieldBlock) {
        var list: [UInt8] = []
        for index in 0..<fields.count where fields.known(index) == .cdnLoop {
            let value = fields.value(index)
            guard !value.isEmpty, value.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else { continue }
            list += value
            list += ", ".utf8
        }
        list += instance.utf8
        kept.append(.cdnLoop, list[...])
    }

    /// Whether the byte is white space or `;`, neither of which is part of an id.
    private static func isEnd(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == UInt8(ascii: ";")
    }
}
