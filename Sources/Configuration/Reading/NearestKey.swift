// Finds the known key that an unknown key was probably meant to be, for the hint "did you mean ...?".

/// Finds the known name that is nearest to a misspelled name.
package enum NearestKey {
    /// Returns the name in `known` that differs from `key` by the fewest edits; nil if every name differs by too many.
    ///
    /// - Parameter distanceMax: The largest number of edits; nil means a third of the found name's length, but at least
    ///   2.
    package static func nearest(to key: String, among known: [String], distanceMax: Int? = nil) -> String? {
        // No name is found for a long key. The time of the computation grows with the product of the two lengths, and
        // all known keys are shorter than 64 bytes.
        guard key.utf8.count <= 64 else { return nil }
        let distances = known.map { (key: $0, distance: distance(Array(key.utf8), Array($0.utf8))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        let most = distanceMax ?? max(2, best.key.utf8.count / 3)
        return best.distance <= most && best.distance < best.key.utf8.count ? best.key : nil
    }

    /// Counts the insertions, deletions, substitutions and swaps of adjacent bytes between two names (optimal string
    /// alignment distance).
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int]()
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
