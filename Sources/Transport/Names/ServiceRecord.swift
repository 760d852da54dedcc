// DNS records of the type SRV (RFC 2782), which list the servers of a service, read from a name server's answer.

/// One DNS record of the type SRV, which names one server of a service.
struct ServiceRecord: Equatable {
    /// The priority number; only the records with the lowest number in an answer are used.
    var priority: UInt16
    /// The weight of the server: servers with the same priority get requests in proportion to their weights.
    var weight: UInt16
    var port: UInt16
    /// The name of the server, in lower case and without a dot at its end.
    var target: String
}

/// The SRV records of one answer of a name server.
struct ServiceAnswer: Equatable {
    /// The SRV records whose target is a host name and whose port is not 0.
    ///
    /// A record with the target `.`, which means that there is no service (RFC 2782), is left out.
    var records: [ServiceRecord] = []
    /// The shortest TTL (how long a record may be cached) of the answer's records, in seconds.
    var secondsToLive = Int.max

    /// The records with the lowest priority number; RFC 2782 allows others only if these servers cannot be reached.
    var preferred: [ServiceRecord] {
        let priority = records.map(\.priority).min()
        return records.filter { $0.priority == priority }
    }

    /// Reads the answer section of a DNS message (RFC 1035); nil if the message is malformed.
    ///
    /// A record whose target is not a host name, or whose port is 0, is skipped.
    init?(message: [UInt8]) {
        var reader = MessageReader(message)
        guard reader.skip(4), let questions = reader.number(), let answers = reader.number(), reader.skip(4) else {
            return nil
        }
        for _ in 0..<questions {
            guard reader.name() != nil, reader.skip(4) else { return nil }
        }
        for _ in 0..<answers {
            guard read(from: &reader) else { return nil }
        }
        if secondsToLive == .max { secondsToLive = 0 }
    }

    private mutating func read(from reader: inout MessageReader) -> Bool {
        guard reader.name() != nil, let type = reader.number(), let kind = reader.number(),
            let high = reader.number(), let low = reader.number(), let length = reader.number()
        else { return false }
        let end = reader.index + Int(length)
        guard end <= reader.bytes.count else { return false }
        // A TTL whose highest bit is set counts as 0 (RFC 2181, section 8).
        secondsToLive = min(secondsToLive, high >= 0x8000 ? 0 : Int(high) << 16 | Int(low))
        defer { reader.index = end }
        guard type == Self.typeSRV, kind == Self.classInternet else { return true }
        guard let priority = reader.number(), let weight = reader.number(), let port = reader.number(),
            let target = reader.name(), reader.index <= end
        else { return false }
        if Self.isHostName(target), port != 0 {
            records.append(ServiceRecord(priority: priority, weight: weight, port: port, target: target))
        }
        return true
    }

    /// The number that stands for the record type SRV in a DNS message.
    static let typeSRV: UInt16 = 33
    /// The number that stands for the class IN (Internet) in a DNS message.
    static let classInternet: UInt16 = 1

    private static func isHostName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
                default: false
                }
            }
    }
}

/// Reads the fields of a DNS message one after the other.
private struct MessageReader {
    let bytes: [UInt8]
    var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip(_ count: Int) -> Bool {
        index += count
        return index <= bytes.count
    }

    /// Reads two bytes in network order.
    mutating func number() -> UInt16? {
        guard index + 2 <= bytes.count else { return nil }
        defer { index += 2 }
        return UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
    }

    /// Reads a name (RFC 1035, section 4.1.4), and returns it in lower case and without a final dot.
    ///
    /// The result is nil if the name is malformed.
    ///
    /// A name may continue at an earlier position, which a compression pointer names. The position must be before the
    /// beginning of the part with the pointer, so that a malicious message cannot make the loop endless. At most 128
    /// pointers are followed.
    mutating func name() -> String? {
        var labels: [String] = []
        var (at, begin, size, pointers) = (index, index, 0, 0)
        var end: Int?
        while at < bytes.count {
            let length = Int(bytes[at])
            switch length {
            case 0:
                index = end ?? at + 1
                return labels.joined(separator: ".")
            case 1...63:
                guard at + 1 + length <= bytes.count else { return nil }
                labels.append(String(decoding: bytes[at + 1..<at + 1 + length], as: UTF8.self).lowercased())
                at += 1 + length
                size += 1 + length
                guard size < 255 else { return nil }
            case 0xC0...:
                guard at + 1 < bytes.count else { return nil }
                let target = (length & 0x3F) << 8 | Int(bytes[at + 1])
                pointers += 1
                guard target < begin, pointers <= 128 else { return nil }
                if end == nil { end = at + 2 }
                (at, begin) = (target, target)
            default: return nil
            }
        }
        return nil
    }
}
