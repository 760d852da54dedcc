// Takes out of an event the usage that only the edge has asked for, and nothing else.

package enum UsageRemoval {
    /// What says nothing to a client without choices.
    private static let emptyMembers: Set = [
        "id", "object", "created", "model", "system_fingerprint", "service_tier", "obfuscation",
    ]

    private struct Member {
        var name: String
        /// With its key and its value.
        var range: Range<Int>
        var value: Range<Int>
    }

    /// The event without its usage; nil when it has no usage.
    ///
    /// When nothing is left that says something, only its `id` and `retry` are, without a blank line: so they belong to the
    /// event that follows. An event without data would be one more to some readers.
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
            // Between two tokens of JSON a space is as good as a line end.
            if !json.isEmpty { json.append(0x20) }
            json += value.first == 0x20 ? value.dropFirst() : value
        }
        guard let all = members(of: json) else { return nil }
        let kept = all.filter { $0.name != "usage" }
        guard kept.count < all.count else { return nil }
        guard kept.contains(where: { saysSomething($0, in: json) }) else { return fields(of: lines) }
        let document = kept.map { json[$0.range] }.joined(separator: [UInt8(ascii: ",")])
        return lines + Array("data: {".utf8) + document + Array("}\n\n".utf8)
    }

    /// The lines that set what readers of events remember.
    private static func fields(of lines: [UInt8]) -> [UInt8] {
        let kept = lines.split(separator: 0x0A).filter { line in
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            return name.elementsEqual("id".utf8) || name.elementsEqual("retry".utf8)
        }
        return kept.flatMap { $0 + [0x0A] }
    }

    private static func saysSomething(_ member: Member, in json: [UInt8]) -> Bool {
        let value = json[member.value]
        if emptyMembers.contains(member.name) || value.elementsEqual("null".utf8) { return false }
        return member.name != "choices" || !value.filter { $0 > 0x20 }.elementsEqual("[]".utf8)
    }

    /// The members of an object; nil when it is none.
    private static func members(of json: [UInt8]) -> [Member]? {
        var members: [Member] = []
        var place = json.firstIndex { $0 > 0x20 } ?? json.count
        guard place < json.count, json[place] == UInt8(ascii: "{") else { return nil }
        place += 1
        func skip(_ extra: UInt8) {
            while place < json.count, json[place] <= 0x20 || json[place] == extra { place += 1 }
        }
        while true {
            skip(UInt8(ascii: ","))
            guard place < json.count else { return nil }
            if json[place] == UInt8(ascii: "}") { return members }
            let start = place
            guard json[place] == UInt8(ascii: "\""), let key = end(of: place, in: json) else { return nil }
            place = key
            skip(UInt8(ascii: ":"))
            guard let value = end(of: place, in: json) else { return nil }
            members.append(
                Member(name: JSONKey.name(json[start + 1..<key - 1]), range: start..<value, value: place..<value)
            )
            place = value
        }
    }

    /// Where the value ends that begins at `start`.
    private static func end(of start: Int, in json: [UInt8]) -> Int? {
        var depth = 0
        var place = start
        while place < json.count {
            switch json[place] {
            case UInt8(ascii: "\""):
                place += 1
                while place < json.count, json[place] != UInt8(ascii: "\"") {
                    place += json[place] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard place < json.count else { return nil }
                if depth == 0 { return place + 1 }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return place }
                depth -= 1
                if depth == 0 { return place + 1 }
            case UInt8(ascii: ","): if depth == 0 { return place }
            default: if depth == 0, json[place] <= 0x20 { return place }
            }
            place += 1
        }
        return nil
    }
}
