// A set of request paths as the bits of one integer, so that a pool can check with one instruction whether a member
// serves the path of a request.

/// A set of the paths at which clients send requests to models; each known path is one bit.
///
/// The module Inference numbers the paths (`Dialect.paths`). A path that only the configuration of a model names (its
/// key `passthrough`) has no bit, so a request at such a path has the empty set.
package struct PathSet: OptionSet, Sendable {
    package let rawValue: UInt32

    /// Makes the set with these bits.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The set of all paths.
    package static let all = PathSet(rawValue: .max)
}
