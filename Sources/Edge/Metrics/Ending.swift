// The ways in which exchanges and attempts end, as indices of a table of counters and as metric labels.
internal import Inference

/// Maps each way in which an exchange or an attempt can end to an index, and to the labels `end` and `side`.
///
/// The side says whose fault a failure is.
enum Ending {
    private static let kinds = Failure.Kind.allCases
    private static let sides: [Failure.Side] = [.client, .executor, .edge]

    /// The number of ways to end: complete, or failed with any combination of a kind of failure and a side.
    ///
    /// The side says whose fault the failure is.
    static let count = 1 + kinds.count * sides.count

    /// The index of the way in which an exchange ended; 0 if it is complete.
    static func index(of end: ExchangeMachine.End) -> Int {
        switch end {
        case .complete: 0
        case .clientLeft: index(of: Failure(.clientLeft))
        case .failed(let failure): index(of: failure)
        }
    }

    /// The index of the ending with this failure; never 0, because 0 is the index of a complete exchange.
    static func index(of failure: Failure) -> Int {
        guard let kind = kinds.firstIndex(of: failure.kind), let side = sides.firstIndex(of: failure.side) else {
            preconditionFailure("a failure of no kind")
        }
        return 1 + kind * sides.count + side
    }

    /// The values of the metric labels `end` and `side` for the ending with this index.
    static func labels(at index: Int) -> (end: String, side: String) {
        guard index > 0 else { return ("complete", "") }
        return (kinds[(index - 1) / sides.count].label, sides[(index - 1) % sides.count].rawValue)
    }
}
