import Routing
import Testing

@testable import Inference

@Suite struct PathSetDialectTests {
    @Test func eachKnownPathHasABitOfItsOwn() {
        #expect(Dialect.paths.count <= PathSet.all.rawValue.bitWidth)
        let sets = Dialect.paths.map { PathSet(path: Array(String(describing: $0.path).utf8)[...]) }
        #expect(Set(sets.map(\.rawValue)).count == Dialect.paths.count && sets.allSatisfy { !$0.isEmpty })
        for (index, set) in sets.enumerated() { #expect(set == PathSet(index: index)) }
    }

    @Test(arguments: ["/v1/audio/voices", "/v1/chat", "/v1/chat/completions/", "", "/"])
    func anyOtherPathHasNone(path: String) { #expect(PathSet(path: Array(path.utf8)[...]).isEmpty) }
}
