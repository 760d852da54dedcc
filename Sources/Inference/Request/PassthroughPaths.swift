// The paths that models add to those that every model has (`passthrough` of a model).

/// Which paths go through for which models, by the models' places in their catalog.
package struct PassthroughPaths: Sendable {
    private var models: [[UInt8]: Set<Int>] = [:]

    /// - Parameter paths: Of each model in turn, in the form of `RequestTarget`.
    package init(_ paths: [[String]]) {
        for (place, own) in paths.enumerated() {
            for path in own { models[Array(path.utf8), default: []].insert(place) }
        }
    }

    /// Whether any model has the path.
    func has(_ path: ArraySlice<UInt8>) -> Bool { !models.isEmpty && models[Array(path)] != nil }

    /// Whether the model at `place` has it.
    package func has(_ path: ArraySlice<UInt8>, of place: Int) -> Bool {
        models[Array(path)]?.contains(place) ?? false
    }
}
