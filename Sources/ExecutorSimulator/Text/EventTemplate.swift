// A token event of which all but the time, the number and the word is prepared, since 50,000 are sent per second.
internal import Transport

/// The constant parts of the token events of one choice.
struct EventTemplate {
    private let beforeTime: [UInt8]
    private let beforeNumber: [UInt8]?
    private let beforeText: [UInt8]
    private let afterText: [UInt8]

    /// Makes a template of its constant parts.
    ///
    /// - Parameters:
    ///   - beforeTime: The event up to the value of `emitted_ns`.
    ///   - beforeNumber: The part from there to the value of `sequence_number`; nil if the dialect has none.
    ///   - beforeText: The part from there into the string with the word.
    ///   - afterText: The rest of the event.
    init(beforeTime: [UInt8], beforeNumber: [UInt8]? = nil, beforeText: [UInt8], afterText: [UInt8]) {
        self.beforeTime = beforeTime
        self.beforeNumber = beforeNumber
        self.beforeText = beforeText
        self.afterText = afterText
    }

    /// Writes an event into a buffer, whose content is replaced.
    ///
    /// - Parameter text: The word, escaped for JSON.
    func render(_ text: [UInt8], time: Nanoseconds, number: Int, into event: inout [UInt8]) {
        event.removeAll(keepingCapacity: true)
        event.append(contentsOf: beforeTime)
        event.append(decimal: Int(time))
        if let beforeNumber {
            event.append(contentsOf: beforeNumber)
            event.append(decimal: number)
        }
        event.append(contentsOf: beforeText)
        event.append(contentsOf: text)
        event.append(contentsOf: afterText)
    }
}
