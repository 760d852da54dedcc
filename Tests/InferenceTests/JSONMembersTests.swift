import Testing

@testable import Inference

@Suite struct JSONMembersTests {
    @Test func membersAreFoundWhereTheyAre() throws {
        let json = Array(#" {"a":1 , "b\u0062" :{"c":[]},"d":"}\"" }"#.utf8)
        let members = try #require(JSONMembers.members(of: json))
        #expect(members.map(\.name) == ["a", "bb", "d"])
        let values = members.map { String(decoding: json[$0.value], as: UTF8.self) }
        #expect(values == ["1", #"{"c":[]}"#, #""}\"""#])
        #expect(members.map { String(decoding: json[$0.range], as: UTF8.self) }.first == #""a":1"#)
    }

    @Test func elementsAreFoundWhereTheyBegin() throws {
        let json = Array(#"[1, "x" ,{"a":[2]},[]]"#.utf8)
        #expect(JSONMembers.elements(of: json, at: 0) == [1, 4, 9, 19])
        #expect(JSONMembers.elements(of: Array("[]".utf8), at: 0) == [])
    }

    @Test(arguments: ["", " ", "1", "[", "{", #"{"a""#, #"{"a":"#, #"{"a":1"#, "[1", "{1:2}"])
    func anythingElseHasNone(text: String) {
        #expect(
            JSONMembers.members(of: Array(text.utf8)) == nil && JSONMembers.elements(of: Array(text.utf8), at: 0) == nil
        )
    }
}
