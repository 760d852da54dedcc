// The paths that only some models have, which the configuration names under a model's key `passthrough`.

/// A table of the paths that only some models have, with the models of each path.
///
/// A model is identified by its index in the catalog.
package struct PassthroughPaths: Sendable {
    private var models: [[UInt8]: Set<Int>] = [:]

    /// Makes the table.
    ///
    /// - Parameter paths: The paths of each model, in the order of the catalog and in the normal form of
    ///   `RequestTarget`.
    package init(_ paths: [[String]]) {
        for (index, own) in paths.enumerated() {
            for path in own { models[Array(path.utf8), default: []].insert(index) }
        }
    }

    /// Whether any model has the path.
    package func has(_ path: ArraySlice<UInt8>) -> Bool { !models.isEmpty && models[Array(path)] != nil }

    /// Whether the model with this index in the catalog has the path.
    package func has(_ path: ArraySlice<UInt8>, of index: Int) -> Bool {
        models[Array(path)]?.contains(index) ?? false
    }
}
