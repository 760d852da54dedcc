// The choice of the request bodies that are refused because they are slow while others wait for memory.

/// An order to every worker: refuse the slowest of the bodies that are arriving.
package struct SlowBodies: Equatable, Sendable {
    /// The size of the smallest buffer whose body is refused, in bytes; the refusal of a smaller one would free too
    /// little.
    static let footprintMin = 16 << 10

    /// The pace, in bytes a second, below which a body may be refused.
    let pace: Int
    /// How much memory has to become free, in bytes; each worker stops when its own refusals have freed that much.
    let bytes: Int

    /// A body that is arriving.
    struct Candidate {
        /// How fast the body has arrived recently, in bytes a second.
        var bytesPerSecond: Int
        /// The memory that the buffer of the body takes, in bytes.
        var footprint: Int
    }

    /// The indices of the bodies that are refused, the slowest first.
    func chosen(among candidates: [Candidate]) -> [Int] {
        let slow = candidates.indices
            .filter { candidates[$0].bytesPerSecond < pace && candidates[$0].footprint >= Self.footprintMin }
            .sorted { candidates[$0].bytesPerSecond < candidates[$1].bytesPerSecond }
        var freed = 0
        var chosen: [Int] = []
        for index in slow where freed < bytes {
            chosen.append(index)
            freed += candidates[index].footprint
        }
        return chosen
    }
}
