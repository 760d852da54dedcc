// A duration in the options of `freeinference executor`.
import ArgumentParser

/// A duration on the command line, such as `50ms`, `1.5s` or `200us`.
///
/// A number without unit is in milliseconds.
struct Delay: ExpressibleByArgument {
    let nanoseconds: UInt64

    init(milliseconds: UInt64) { nanoseconds = milliseconds * 1_000_000 }

    init?(argument: String) {
        let digits = argument.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number >= 0, number <= 1e9 else { return nil }
        let units = ["us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "": 1e6]
        guard let unit = units[String(argument.dropFirst(digits.count))], number * unit < 1e18 else { return nil }
        nanoseconds = UInt64(number * unit)
    }

    var defaultValueDescription: String {
        nanoseconds % 1_000_000_000 == 0 && nanoseconds > 0
            ? "\(nanoseconds / 1_000_000_000)s" : "\(nanoseconds / 1_000_000)ms"
    }
}
