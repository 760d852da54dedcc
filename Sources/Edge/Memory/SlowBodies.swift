// Chooses the slow request bodies that a worker refuses because other request bodies wait for memory.

/// A message to every worker: refuse the slowest of the request bodies that are arriving, to free memory.
package struct SlowBodies: Equatable, Sendable {
    /// The smallest buffer, in bytes, whose body may be refused; to refuse a smaller one would free too little memory.
    static let footprintMin = 16 << 10

    /// The pace, in bytes a second, below which a body may be refused.
    let pace: Int
    /// How much memory has to become free, in bytes; each worker refuses bodies until its own refusals free that much.
    let bytes: Int

    /// A request body that is arriving, and that a worker may refuse to free memory.
    struct Candidate {
        /// How fast the body has arrived recently, in bytes a second.
        var bytesPerSecond: Int
        /// The memory that the buffer of the body takes, in bytes.
        var footprint: Int
    }

    /// The indices of the bodies that a worker refuses, the slowest first, until enough memory is freed.
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
