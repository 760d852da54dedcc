// The request paths that only some models have; the configuration lists them under a model's key `passthrough`.

/// A table of the request paths that only some models have, with the models of each path.
///
/// The table identifies a model by its index in the configuration's list of models.
package struct PassthroughPaths: Sendable {
    private var models: [[UInt8]: Set<Int>] = [:]

    /// Makes the table from the extra paths of each model.
    ///
    /// - Parameter paths: One array for each model, in the order of the configuration's list of models. The paths must
    ///   already be normalized, as `RequestTarget` normalizes the path of a request.
    package init(_ paths: [[String]]) {
        for (index, own) in paths.enumerated() {
            for path in own { models[Array(path.utf8), default: []].insert(index) }
        }
    }

    /// Whether at least one model has this path.
    package func has(_ path: ArraySlice<UInt8>) -> Bool { !models.isEmpty && models[Array(path)] != nil }

    /// Whether the model with this index in the configuration's list of models has this path.
    package func has(_ path: ArraySlice<UInt8>, of index: Int) -> Bool {
        models[Array(path)]?.contains(index) ?? false
    }
}
