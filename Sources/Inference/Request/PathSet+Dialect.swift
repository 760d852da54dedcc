// Makes a `PathSet` from the path of a request. A `PathSet` has one bit for each known path, so that pools compare bits
// in place of texts.
package import Routing

extension PathSet {
    /// Makes the set of one path; empty for a path that is not in `Dialect.paths`.
    package init(path: ArraySlice<UInt8>) {
        self = Dialect.index(of: path).map { PathSet(index: $0) } ?? []
    }

    /// Makes the set that contains only the path at this index of `Dialect.paths`, which has at most 32 paths.
    package init(index: Int) { self.init(rawValue: 1 << UInt32(index)) }
}
