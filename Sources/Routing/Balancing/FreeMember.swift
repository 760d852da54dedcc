// The values of a member that a pool compares when it chooses an executor. The pool reads them once for each choice.
internal import Transport

/// A member of a pool that can serve one more request, with its present load.
struct FreeMember: Sendable {
    /// The index of the member in its pool.
    var index: Int
    /// The id of the member's executor.
    var executor: Int
    /// How many requests at the engine of the executor were not sent by this server, but by other clients of the
    /// engine.
    var strangers: Int
    /// How much the executor has to do at present, counted in running streams; prompts that wait to be computed count
    /// as streams, too (`PoolMember.work`).
    var work: Double
    /// The present weight of the member, above 0.
    var share: Double

    /// The work divided by the weight; a choice prefers members for which this value is low.
    var load: Double { work / share }
    /// The value that `load` would have if the executor had one more request to serve than now.
    var loadWithOneMore: Double { (work + 1) / share }
}

extension PoolMember {
    /// Copies the values of this member that the choice of an executor needs.
    func free(at index: Int, _ now: Nanoseconds) -> FreeMember {
        FreeMember(
            index: index,
            executor: executor.id,
            strangers: executor.engine.strangers,
            work: work,
            share: share(at: now)
        )
    }
}
