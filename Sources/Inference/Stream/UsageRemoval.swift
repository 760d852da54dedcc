// Removes the member `usage` from the events of a stream. This is done if the edge has asked the executor for the usage
// and the client has not.

/// Removes the member `usage` from the bytes of one event.
package enum UsageRemoval {
    /// The names of members that have no content for the client.
    ///
    /// An event without choices that has only these members is dropped.
    private static let emptyMembers: Set = [
        "id", "object", "created", "model", "system_fingerprint", "service_tier", "obfuscation",
    ]

    /// The event without its member `usage`; nil if the event has no such member.
    ///
    /// If the other members have no content for the client, only the `id` and `retry` lines are returned. No blank line
    /// follows, so that these lines become part of the next event. With a blank line, some clients would read the lines
    /// as an event without data.
    ///
    /// - Parameter event: A whole event whose data is one whole JSON document.
    package static func removed(from event: Span<UInt8>) -> [UInt8]? {
        var lines: [UInt8] = []
        var json: [UInt8] = []
        let bytes = event.indices.map { event[$0] }
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard line.starts(with: "data:".utf8) else {
                lines += line + [0x0A]
                continue
            }
            let value = line.dropFirst(5)
            // If an event has several `data` lines, its data is the values of these lines, joined by line ends. A space
            // may replace a line end, because JSON allows a space wherever it allows a line end.
            if !json.isEmpty { json.append(0x20) }
            json += value.first == 0x20 ? value.dropFirst() : value
        }
        guard let all = JSONMembers.members(of: json) else { return nil }
        let kept = all.filter { $0.name != "usage" }
        guard kept.count < all.count else { return nil }
        guard kept.contains(where: { saysSomething($0, in: json) }) else { return fields(of: lines) }
        let document = kept.map { json[$0.range] }.joined(separator: [UInt8(ascii: ",")])
        return lines + Array("data: {".utf8) + document + Array("}\n\n".utf8)
    }

    /// The lines with the fields `id` and `retry`, which clients remember even if an event has no data.
    private static func fields(of lines: [UInt8]) -> [UInt8] {
        let kept = lines.split(separator: 0x0A).filter { line in
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            return name.elementsEqual("id".utf8) || name.elementsEqual("retry".utf8)
        }
        return kept.flatMap { $0 + [0x0A] }
    }

    /// Whether a member has content for the client; an event with such a member is kept.
    private static func saysSomething(_ member: JSONMembers.Member, in json: [UInt8]) -> Bool {
        let value = json[member.value]
        if emptyMembers.contains(member.name) || value.elementsEqual("null".utf8) { return false }
        return member.name != "choices" || !value.filter { $0 > 0x20 }.elementsEqual("[]".utf8)
    }
}
