import Foundation

/// A JSON value with member access for tests: `answer.choices[0].message.content.string`.
///
/// An absent member is `.null`.
@dynamicMemberLookup
enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(parsing text: String) throws {
        do {
            self = try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
        } catch {
            throw Unmet("not JSON: \(text.prefix(2000))")
        }
    }

    subscript(dynamicMember name: String) -> JSON { self[name] }
    subscript(_ name: String) -> JSON {
        if case .object(let members) = self { members[name] ?? .null } else { .null }
    }
    subscript(_ index: Int) -> JSON {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { .null }
    }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    var double: Double? { if case .number(let value) = self { value } else { nil } }
    var int: Int? { double.flatMap { Int(exactly: $0) } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var array: [JSON] { if case .array(let elements) = self { elements } else { [] } }
    var keys: [String] { if case .object(let members) = self { members.keys.sorted() } else { [] } }
    var isNull: Bool { self == .null }
}

extension JSON: Decodable {
    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let elements = try? value.decode([JSON].self) {
            self = .array(elements)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }
}

/// The data of each event in an event stream, in order; comments are skipped.
func eventData(_ stream: String) -> [String] {
    stream.components(separatedBy: "\n\n").compactMap { event in
        let lines = event.split(separator: "\n").compactMap { line -> Substring? in
            guard line.hasPrefix("data:") else { return nil }
            let value = line.dropFirst(5)
            return value.hasPrefix(" ") ? value.dropFirst() : value
        }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }
}

/// The concatenated text of the events of a chat stream.
func chatText(_ stream: String) throws -> String {
    try eventData(stream).filter { $0 != "[DONE]" }
        .map { try JSON(parsing: $0).choices[0].delta.content.string ?? "" }
        .joined()
}
