// A table of bounded size that forgets what was not used lately.

/// A table of values by hashes; when the table is full, it forgets the values that were not used lately.
///
/// The table keeps two generations of values, the present one and the earlier one. Each value that is set or found is
/// put into the present generation. When the present generation has half of the largest number of values, it replaces
/// the earlier generation, whose values are forgotten.
struct RecentTable<Value: Sendable>: Sendable {
    private var present: [UInt64: Value] = [:]
    private var earlier: [UInt64: Value] = [:]
    private let countMax: Int

    /// Makes an empty table.
    ///
    /// - Parameter countMax: the largest number of values, at least 2.
    init(countMax: Int) { self.countMax = countMax }

    /// The number of values.
    var count: Int { present.count + earlier.count }

    /// The value with this hash; nil if there is none, or if it was forgotten.
    mutating func value(_ hash: UInt64) -> Value? {
        if let value = present[hash] { return value }
        guard let value = earlier[hash] else { return nil }
        set(hash, to: value)
        return value
    }

    /// Stores the value under this hash, in place of an earlier value.
    mutating func set(_ hash: UInt64, to value: Value) {
        if present.count >= countMax / 2, present[hash] == nil {
            earlier = present
            present = [:]
        }
        present[hash] = value
        earlier[hash] = nil
    }

    /// Forgets the values for which `isKept` returns false.
    mutating func keep(where isKept: (Value) -> Bool) {
        present = present.filter { isKept($0.value) }
        earlier = earlier.filter { isKept($0.value) }
    }
}
