// The field `cdn-loop` (RFC 8586), by which a request shows how often it has passed through this server.
internal import HTTP

/// Reads the field `cdn-loop` of a client's request, and makes the field for the request to an executor.
///
/// Each server on the way appends its id to the list in this field. So a request that comes back to this process
/// already has the id of this process in the list.
enum CDNLoop {
    /// The largest size of all `cdn-loop` values of a request together, in bytes.
    ///
    /// The edge treats a larger list as a loop, because a list grows in each round of a loop.
    static let bytesMax = 4096
    /// The largest number of entries in a client's list; the edge treats a longer list as a loop.
    static let entriesMax = 64

    /// Whether the edge must refuse the request, because it runs in a loop.
    ///
    /// The result is true if the list in `cdn-loop` has the id `instance` of this process more than `loopsMax` times,
    /// or exceeds `bytesMax` or `entriesMax`. Ids are compared byte by byte. An id ends at the first white space or
    /// `;`, and the rest of the list entry is ignored.
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

    /// Adds the field `cdn-loop` to the fields for an executor: the client's list, followed by the id `instance`.
    ///
    /// A `cdn-loop` line of the client is left out if it has a byte other than printable ASCII or a tab.
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

    /// Whether an id ends before this byte, because the byte is white space or `;`.
    private static func isEnd(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == UInt8(ascii: ";")
    }
}
