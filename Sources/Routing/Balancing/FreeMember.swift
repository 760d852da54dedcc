// What a pool reads of each member that can take a request, once for each choice of an executor.
internal import Transport

/// A member that can take a request, and how much it has to do.
struct FreeMember: Sendable {
    /// The index of the member.
    var index: Int
    /// The id of its executor.
    var executor: Int
    /// How many requests its engine has that were sent by no process of this server.
    var strangers: Int
    /// Its present work in running streams, see `PoolMember.work`.
    var work: Double
    /// Its present weight, above 0.
    var share: Double

    /// The work in proportion to the share.
    var load: Double { work / share }
    /// The work in proportion to the share, if the member had one request more.
    var loadWithOneMore: Double { (work + 1) / share }
}

extension PoolMember {
    /// The values of this member that a choice needs; they are read once for each choice.
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
