// Makes the metric labels of executors unique, because executors may have the same name.

/// Makes the labels of executors unique: Prometheus rejects a page that has the same labels twice.
struct UniqueLabels {
    private var seen: [String: Int] = [:]

    /// The name if it has not been used before; otherwise the name with a number: `name#2`.
    mutating func label(_ name: String) -> String {
        let times = seen[name, default: 0] + 1
        seen[name] = times
        return times == 1 ? name : "\(name)#\(times)"
    }
}
