// A token event that is prepared in advance, so that the simulator can write 50,000 events per second. Only the time,
// the sequence number and the generated text differ from event to event.
internal import Transport

/// The parts that all token events of one choice have in common.
struct EventTemplate {
    private let beforeTime: [UInt8]
    private let beforeNumber: [UInt8]?
    private let beforeText: [UInt8]
    private let afterText: [UInt8]

    /// Makes a template from the parts that are the same in all events.
    ///
    /// - Parameters:
    ///   - beforeTime: the bytes before the value of `emitted_ns`.
    ///   - beforeNumber: the bytes between the time and the value of `sequence_number`; nil if the dialect
    ///     has no sequence number.
    ///   - beforeText: the bytes before the generated text, from the end of the sequence number, or of the time if
    ///     there is no sequence number.
    ///   - afterText: the bytes after the generated text.
    init(beforeTime: [UInt8], beforeNumber: [UInt8]? = nil, beforeText: [UInt8], afterText: [UInt8]) {
        self.beforeTime = beforeTime
        self.beforeNumber = beforeNumber
        self.beforeText = beforeText
        self.afterText = afterText
    }

    /// Writes an event into a buffer, in place of what the buffer contained.
    ///
    /// - Parameter text: the generated text, escaped for JSON.
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
