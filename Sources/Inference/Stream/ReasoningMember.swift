// Renames or repeats the member of chat answers that carries the model's reasoning. Clients and engines differ in the
// name of this member.

/// The member in which clients get the reasoning of chat answers: the setting `reasoning` of a model.
///
/// vLLM calls the member `reasoning`; SGLang, llama.cpp and others call it `reasoning_content`.
package enum ReasoningMember: String, CaseIterable, Sendable {
    /// The member keeps the name that the engine gives it.
    case asIs = "as-is"
    case reasoning
    case reasoningContent = "reasoning_content"
    /// Clients get both members, with the same value.
    case both

    private static let names = [ReasoningMember.reasoning.rawValue, ReasoningMember.reasoningContent.rawValue]

    /// A range of a document's bytes, and the bytes that replace it.
    private typealias Edit = (range: Range<Int>, bytes: [UInt8])

    // MARK: Events and documents

    /// The event of a chat's stream, with the model's reasoning in the JSON members that clients shall get.
    ///
    /// The result is nil if nothing changes.
    ///
    /// - Parameter event: A whole event. If its data is in several `data` lines, the result has the data in one line.
    package func rewritten(event: Span<UInt8>) -> [UInt8]? {
        guard mayChange(event) else { return nil }
        let bytes = event.indices.map { event[$0] }
        var values: [Range<Int>] = []
        var others: [Range<Int>] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
            if bytes[start..<end].starts(with: "data:".utf8) {
                let value = start + 5
                values.append((value < end && bytes[value] == 0x20 ? value + 1 : value)..<end)
            } else if end > start {
                others.append(start..<end)
            }
            start = end + 1
        }
        if values.count == 1 {
            guard let edited = rewritten(json: Array(bytes[values[0]])) else { return nil }
            return Array(bytes[..<values[0].lowerBound]) + edited + Array(bytes[values[0].upperBound...])
        }
        var json: [UInt8] = []
        for value in values { json += (json.isEmpty ? [] : [0x20]) + bytes[value] }
        guard let edited = rewritten(json: json) else { return nil }
        var result: [UInt8] = []
        for other in others { result += bytes[other] + [0x0A] }
        return result + Array("data: ".utf8) + edited + [0x0A, 0x0A]
    }

    /// A chat's response that is one document, with the reasoning in the JSON members that clients shall get.
    ///
    /// The result is nil if nothing changes.
    package func rewritten(document: [UInt8]) -> [UInt8]? {
        guard mayChange(document.span) else { return nil }
        return rewritten(json: document)
    }

    /// Whether the bytes may contain the member `reasoning` or `reasoning_content`.
    ///
    /// In an answer without reasoning, this search is all that is done for nearly all events. A key may be written with
    /// escapes, so bytes with a backslash may contain the members, too.
    private func mayChange(_ bytes: Span<UInt8>) -> Bool {
        guard self != .asIs else { return false }
        let word: StaticString = "\"reasoning"
        let count = word.utf8CodeUnitCount
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\") { return true }
            if byte == UInt8(ascii: "\""), index + count <= bytes.count {
                var length = 1
                while length < count, unsafe bytes[index + length] == word.utf8Start[length] { length += 1 }
                if length == count { return true }
            }
            index += 1
        }
        return false
    }

    // MARK: The splice

    /// The JSON document with the model's reasoning in the members that clients shall get.
    ///
    /// The result is nil if nothing changes, or if the bytes are not a chat's answer.
    private func rewritten(json: [UInt8]) -> [UInt8]? {
        guard let choices = JSONMembers.members(of: json)?.last(where: { $0.name == "choices" }),
            let elements = JSONMembers.elements(of: json, at: choices.value.lowerBound)
        else { return nil }
        var edits: [Edit] = []
        for element in elements {
            for member in JSONMembers.members(of: json, at: element) ?? []
            where member.name == "delta" || member.name == "message" {
                edits += self.edits(of: JSONMembers.members(of: json, at: member.value.lowerBound) ?? [], in: json)
            }
        }
        guard !edits.isEmpty else { return nil }
        var result: [UInt8] = []
        var index = 0
        for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            result += json[index..<edit.range.lowerBound]
            result += edit.bytes
            index = edit.range.upperBound
        }
        return result + json[index...]
    }

    /// The replacements in a `delta` or `message` that has these members.
    private func edits(of members: [JSONMembers.Member], in json: [UInt8]) -> [Edit] {
        let found = members.indices.filter { Self.names.contains(members[$0].name) }
        // Only two names exist for a member with reasoning, so if there are three or more such members, at least two of
        // them have the same name. It is not clear which value the engine means, so nothing is changed.
        guard let first = found.first, found.count <= 2 else { return [] }
        if self == .both {
            guard Set(found.map { members[$0].name }).count == 1, let last = found.last else { return [] }
            let other = Self.names.first { $0 != members[first].name } ?? ""
            let value = json[members[last].value]
            let end = members[last].value.upperBound
            return [(end..<end, Array(",\"\(other)\":".utf8) + value)]
        }
        // If the engine has sent the reasoning under both names, one member is kept. It is the member with the name
        // that clients shall get, unless only the value of that member is null.
        let speaking = found.filter { !json[members[$0].value].elementsEqual("null".utf8) }
        let candidates = speaking.isEmpty ? found : speaking
        let kept = candidates.last { members[$0].name == rawValue } ?? candidates[candidates.count - 1]
        var edits: [Edit] = []
        for index in found {
            if index == kept {
                if members[index].name != rawValue { edits.append((members[index].key, Array("\"\(rawValue)\"".utf8))) }
            } else {
                // The comma before a removed member is removed with it. If the member is the first one, the comma
                // behind it is removed.
                let begin = index > 0 ? members[index - 1].value.upperBound : members[index].range.lowerBound
                let end = index > 0 ? members[index].range.upperBound : members[index + 1].range.lowerBound
                edits.append((begin..<end, []))
            }
        }
        return edits
    }
}
