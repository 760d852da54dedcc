// Tests in which order executors are chosen: in proportion to their shares, evenly interleaved. An executor that could
// not be chosen for a while is not chosen more often afterwards.
import Testing

@testable import Routing

@Suite struct TurnsTests {
    /// Chooses an executor `count` times, each time the one whose turn is due first among those that `may` allows.
    private func take(
        _ count: Int,
        from turns: inout Turns,
        shares: [Double],
        may: (Int) -> Bool = { _ in true }
    ) -> [Int] {
        (0..<count).map { _ in
            let due = shares.indices.filter(may).map { (id: $0, due: turns.due(of: $0, at: $0, share: shares[$0])!) }
            let next = due.min { ($0.due, $0.id) < ($1.due, $1.id) }!
            turns.took(next.due, of: next.id, at: next.id, share: shares[next.id], first: next.due)
            return next.id
        }
    }
    private func turns(_ shares: [Double]) -> Turns {
        var turns = Turns()
        for (id, share) in shares.enumerated() { _ = turns.add(id, at: id, share: share, phase: 0.5) }
        return turns
    }

    @Test(arguments: [[1, 1], [3, 1], [5, 2, 1], [1, 1, 1, 7]] as [[Double]])
    func turnsAreInProportionToTheShares(shares: [Double]) {
        var turns = turns(shares)
        let all = take(100 * Int(shares.reduce(0, +)), from: &turns, shares: shares)
        for (id, share) in shares.enumerated() {
            let seen = all.count { $0 == id }
            #expect(abs(seen - 100 * Int(share)) <= 1, "\(id) had \(seen)")
        }
    }

    @Test func whoWasMissingHasOneTurnAtOnceAndNotAllThatItMissed() {
        let shares = [1.0, 1.0]
        var turns = turns(shares)
        #expect(take(50, from: &turns, shares: shares) { $0 == 0 } == [Int](repeating: 0, count: 50))
        let after = take(10, from: &turns, shares: shares)
        #expect(after.first == 1 && (5...6).contains(after.count { $0 == 1 }), "\(after)")
    }

    @Test func anExecutorThatIsNewHasNoDue() {
        var turns = turns([1])
        #expect(turns.due(of: 7, at: 0, share: 1) == nil)
        let due = turns.add(7, at: 1, share: 2, phase: 1)
        #expect(due == 0.5 && turns.due(of: 7, at: 1, share: 2) == 0.5)
        #expect(turns.due(of: 7, at: 5, share: 2) == 0.5, "the index is only where it is looked for first")
    }

    @Test func whoIsGoneIsForgottenAndTheOthersStay() {
        var turns = turns([1, 1, 1])
        _ = take(1, from: &turns, shares: [1, 1, 1])
        let kept = turns.due(of: 2, at: 2, share: 1)
        turns.keep([2, 0])
        #expect(turns.due(of: 1, at: 1, share: 1) == nil)
        #expect(turns.due(of: 2, at: 0, share: 1) == kept && turns.due(of: 0, at: 1, share: 1) != nil)
    }

    /// When an executor's share grows, its next turn comes sooner, although that turn had been planned with the old
    /// share.
    @Test func aLargerShareHoldsForTheTurnThatIsDue() {
        var turns = Turns()
        let due = turns.add(1, at: 0, share: 1, phase: 1)
        #expect(due == 1 && turns.due(of: 1, at: 0, share: 4) == 0.25)
    }
}
