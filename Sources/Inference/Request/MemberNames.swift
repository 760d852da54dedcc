// The names of members of a request body that a scan finds in addition to the members that the edge always reads.

internal import CJSON

/// A list of members of a request body that `JSONScanner.scanRequest` finds in addition to those that it always finds.
package struct MemberNames: Equatable, Sendable {
    /// The largest number of names that one list can have.
    package static let countMax = Int(CJSON_NAMED_MAX)
    /// The longest name, in bytes.
    static let lengthMax = 64

    /// The number of names.
    package private(set) var count = 0
    /// The names in their order, each followed by a zero byte.
    private(set) var bytes: [UInt8] = []

    /// Makes an empty list.
    package init() {}

    /// Adds a name.
    ///
    /// - Parameter name: the name of a member of the body. `a.b` is the member `b` of the object `a`.
    /// - Returns: the index of the name; nil if the name is not valid, or if there are too many.
    package mutating func add(_ name: String) -> Int? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard count < Self.countMax, name.utf8.count <= Self.lengthMax, parts.count <= 2 else { return nil }
        guard parts.allSatisfy({ !$0.isEmpty }), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        bytes += Array(name.utf8) + [0]
        count += 1
        return count - 1
    }
}
