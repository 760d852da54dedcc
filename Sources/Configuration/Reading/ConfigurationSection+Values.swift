// Reads the values of a section as numbers, durations, sizes, booleans, and cases of enumerations.
//
// `read` replaces the default in `target` if the file has a valid value. The other functions return nil if the file has
// no valid value. Every value that cannot be read or is out of its range is reported as an error.

extension ConfigurationSection {
    func read(_ key: String, _ target: inout Duration, in range: ClosedRange<Duration>) {
        guard let value = duration(key, in: range) else { return }
        target = value
    }

    func read(_ key: String, _ target: inout Bool) {
        guard let value = flag(key) else { return }
        target = value
    }

    func read(bytes key: String, _ target: inout Int, in range: ClosedRange<Int>) {
        let expected = "a size such as 64MiB, 256KiB or plain bytes"
        guard let scalar = scalar(key, expecting: expected) else { return }
        guard let value = Quantity.size(scalar.text) else { return reject(scalar, key, "expected \(expected)") }
        guard range.contains(value) else {
            let ends = "\(Quantity.text(bytes: range.lowerBound)) and \(Quantity.text(bytes: range.upperBound))"
            return reject(scalar, key, "must be between \(ends)")
        }
        target = value
    }

    func read(count key: String, _ target: inout Int, in range: ClosedRange<Int>) {
        guard let value = count(key, in: range) else { return }
        target = value
    }

    /// Reads the value of a key as a case of an enumeration, written as its raw value.
    func read<Choice: CaseIterable & RawRepresentable<String>>(_ key: String, _ target: inout Choice) {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        guard let scalar = scalar(key, expecting: "one of \(names)") else { return }
        guard let value = Choice(rawValue: scalar.text) else {
            return reject(scalar, key, "expected one of \(names)")
        }
        target = value
    }

    /// Reads the value of a key as a list of cases of an enumeration, each written as its raw value.
    func read<Choice: CaseIterable & RawRepresentable<String>>(_ key: String, _ target: inout [Choice]) {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        guard let items = texts(key, expecting: "some of \(names)") else { return }
        target = items.compactMap { item in
            if let value = Choice(rawValue: item.text) { return value }
            let message = "\(name(of: key)): '\(Self.printable(item.text))': expected some of \(names)"
            reader.report(message, at: item.position)
            return nil
        }
    }

    /// Reads the value of a key as a whole number of percent, such as `20%`.
    func read(percent key: String, _ target: inout Int, in range: ClosedRange<Int>) {
        let expected = "a whole number of percent such as 20%"
        guard let scalar = scalar(key, expecting: expected) else { return }
        guard scalar.text.hasSuffix("%"), let value = Quantity.count(String(scalar.text.dropLast())) else {
            return reject(scalar, key, "expected \(expected)")
        }
        guard range.contains(value) else {
            return reject(scalar, key, "must be between \(range.lowerBound)% and \(range.upperBound)%")
        }
        target = value
    }

    /// Returns the value of a key as a boolean.
    func flag(_ key: String) -> Bool? {
        guard let scalar = scalar(key, expecting: "true or false") else { return nil }
        switch scalar.text {
        case "true": return true
        case "false": return false
        default:
            reject(scalar, key, "expected true or false")
            return nil
        }
    }

    /// Returns the value of a key as a whole number.
    ///
    /// - Parameter words: What an error message says before `a whole number`, for example `auto or ` if the key also
    ///   accepts `auto`.
    func count(_ key: String, in range: ClosedRange<Int>, or words: String = "") -> Int? {
        guard let scalar = scalar(key, expecting: "\(words)a whole number") else { return nil }
        guard let value = Quantity.count(scalar.text) else {
            reject(scalar, key, "expected \(words)a whole number")
            return nil
        }
        guard range.contains(value) else {
            reject(scalar, key, "must be between \(range.lowerBound) and \(range.upperBound)")
            return nil
        }
        return value
    }

    /// Returns the value of a key as a duration, such as `250ms`.
    ///
    /// - Parameter words: What an error message says before `a whole number`, for example `auto or ` if the key also
    ///   accepts `auto`.
    func duration(_ key: String, in range: ClosedRange<Duration>, or words: String = "") -> Duration? {
        let expected = "\(words)a whole number with a unit, such as 250ms, 10s, 5m or 1h"
        guard let scalar = scalar(key, expecting: expected) else { return nil }
        guard let value = Quantity.duration(scalar.text) else {
            reject(scalar, key, "expected \(expected)")
            return nil
        }
        guard range.contains(value) else {
            let ends = "\(Quantity.text(range.lowerBound)) and \(Quantity.text(range.upperBound))"
            reject(scalar, key, "must be between \(ends)")
            return nil
        }
        return value
    }
}
