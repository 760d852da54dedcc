import Testing

@testable import Routing

@Suite struct PathSetTests {
    @Test func aRequestWithoutAPathIsInEverySet() {
        #expect(PathSet.all.isSuperset(of: PathSet(rawValue: 1 << 31)))
        #expect(PathSet().isSuperset(of: []) && !PathSet().isSuperset(of: PathSet(rawValue: 1)))
    }
}
