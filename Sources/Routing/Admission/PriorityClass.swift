// The classes of requests by which a queue decides which request is served first, and who may choose a class.

/// The class of a request: a waiting request of a higher class is served before those of lower classes.
///
/// The cases are in the order in which they are served. `QueueShares` guarantees the lower classes a part of the slots.
package enum PriorityClass: String, CaseIterable, Sendable {
    /// A person waits for the answer.
    case interactive
    /// The class of requests for which nothing else is configured or asked for.
    case standard
    /// The answer may take long, as in batches and evaluations.
    case bulk

    /// The number of the class in the order in which classes are served, from 0 for the highest class.
    package var rank: Int {
        switch self {
        case .interactive: 0
        case .standard: 1
        case .bulk: 2
        }
    }
}

/// The class of a caller's requests, and the other classes that the caller may choose for a request.
package struct PriorityRule: Equatable, Sendable {
    /// The class of requests that name no class.
    package var usual: PriorityClass
    /// The classes that a request may name instead of the usual one; empty if the caller may not choose.
    package var choices: [PriorityClass]

    /// Makes a rule; by default all requests are of the class `standard`.
    package init(usual: PriorityClass = .standard, choices: [PriorityClass] = []) {
        self.usual = usual
        self.choices = choices
    }

    /// The settings of this rule that are not the defaults: for each, its name in a key file and its value.
    ///
    /// If a setting has several values, they are separated by commas.
    package var named: [(name: String, value: String)] {
        var named: [(name: String, value: String)] = []
        if usual.rank != PriorityClass.standard.rank { named.append(("priority", usual.rawValue)) }
        if !choices.isEmpty { named.append(("priority_choices", choices.map(\.rawValue).joined(separator: ","))) }
        return named
    }

    /// Whether a request of the caller may be of this class.
    package func allows(_ priority: PriorityClass) -> Bool { priority == usual || choices.contains(priority) }
}

/// The parts of a queue that are guaranteed to requests of the lower classes, in percent.
///
/// While requests of a class wait, they get at least the class's share of the slots that become free for waiting
/// requests. If the queue is full, a request of a higher class can take the place of a request of a lower class, but
/// only while the lower class has more than its share of the queue.
package struct QueueShares: Equatable, Sendable {
    /// The largest sum of the shares of `standard` and `bulk`, in percent.
    ///
    /// So `interactive`, the highest class, gets at least a tenth of the slots.
    package static let sumMax = 90

    /// The guaranteed share of the class `standard` in percent, 0 to `sumMax`.
    ///
    /// While requests of the class wait, they get at least this percentage of the slots that become free.
    package var standard: Int
    /// The guaranteed share of the class `bulk` in percent, 0 to `sumMax`.
    ///
    /// While requests of the class wait, they get at least this percentage of the slots that become free. The sum of
    /// `standard` and `bulk` is at most `sumMax`.
    package var bulk: Int

    /// Makes shares from percentages; a class with 0 is served only if no request of a higher class waits.
    package init(standard: Int = 20, bulk: Int = 5) {
        self.standard = standard
        self.bulk = bulk
    }

    /// The percentage of slots that is guaranteed to the class with this rank.
    ///
    /// The percentage is 0 for the highest class, which needs no guarantee.
    func percent(ofRank rank: Int) -> Int { rank == 1 ? standard : rank == 2 ? bulk : 0 }
}
