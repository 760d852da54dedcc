// A token event with everything but its time, number and word written beforehand: 50,000 of them go out each second.
internal import Transport

struct EventTemplate {
    private let beforeTime: [UInt8]
    private let beforeNumber: [UInt8]?
    private let beforeText: [UInt8]
    private let afterText: [UInt8]

    /// - Parameters:
    ///   - beforeTime: the event up to the value of `emitted_ns`.
    ///   - beforeNumber: from there to the value of `sequence_number`, if the dialect has one.
    ///   - beforeText: from there into the string of the word.
    init(beforeTime: [UInt8], beforeNumber: [UInt8]? = nil, beforeText: [UInt8], afterText: [UInt8]) {
        self.beforeTime = beforeTime
        self.beforeNumber = beforeNumber
        self.beforeText = beforeText
        self.afterText = afterText
    }

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
