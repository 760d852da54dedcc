// Finds the known key that an unknown key was probably meant to be, for the hint "did you mean ...?".

/// Finds the known name that is nearest to a misspelled name.
package enum NearestKey {
    /// Returns the name in `known` that differs from `key` by the fewest edits; nil if every name differs by too many.
    ///
    /// - Parameter distanceMax: The largest number of edits; nil means a third of the found name's length, but at least
    ///   2.
    package static func nearest(to key: String, among known: [String], distanceMax: Int? = nil) -> String? {
        // For a key of more than 64 bytes nothing is computed, because all known keys are shorter, and the time of the
        // computation grows with the product of the two lengths.
        guard key.utf8.count <= 64 else { return nil }
        let bytes = Array(key.utf8)
        var best: (key: String, distance: Int)?
        for name in known {
            // The number of edits between two names is at least the difference of their lengths. So this test skips
            // most names without the slow computation of the distance.
            if let distanceMax, abs(name.utf8.count - bytes.count) > distanceMax { continue }
            let distance = distance(bytes, Array(name.utf8), most: distanceMax ?? .max - 1)
            if best.map({ distance < $0.distance }) ?? true { best = (name, distance) }
        }
        guard let best else { return nil }
        let most = distanceMax ?? max(2, best.key.utf8.count / 3)
        return best.distance <= most && best.distance < best.key.utf8.count ? best.key : nil
    }

    /// Counts the insertions, deletions, substitutions and swaps of adjacent bytes between two names (optimal string
    /// alignment distance).
    ///
    /// - Parameter most: The largest distance that matters to the caller. The result may be `most + 1` for any larger
    ///   distance.
    static func distance(_ a: [UInt8], _ b: [UInt8], most: Int = .max - 1) -> Int {
        var last = Array(0...b.count)
        var (beforeLast, row) = (last, last)
        var lastMin = 0
        for i in a.indices {
            row[0] = i + 1
            var rowMin = i + 1
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row[j + 1] = cost
                rowMin = min(rowMin, cost)
            }
            // A row has the distances from one beginning of `a` to every beginning of `b`. The result is at least the
            // smaller of two values: the minimum of this row, and the minimum of the row before plus 1. So if both
            // values are above `most`, the result is above `most`, too.
            if rowMin > most, lastMin + 1 > most { return most + 1 }
            lastMin = rowMin
            swap(&beforeLast, &last)
            swap(&last, &row)
        }
        return last[b.count]
    }
}
