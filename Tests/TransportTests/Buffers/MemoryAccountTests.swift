// Memory accounts, which count the memory of one connection: what is charged, and when an account asks its memory
// source for more.
import Synchronization
import Testing
import Transport

@Suite struct MemoryAccountTests {
    /// Grants memory while `room` lasts, and counts the calls.
    private final class Source: MemorySource {
        private let left: Atomic<Int>
        private let calls = Atomic<Int>(0)

        init(room: Int) { left = Atomic(room) }

        var room: Int { left.load(ordering: .relaxed) }
        var asked: Int { calls.load(ordering: .relaxed) }

        func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool {
            calls.wrappingAdd(1, ordering: .relaxed)
            guard bytes <= room else { return false }
            left.wrappingSubtract(bytes, ordering: .relaxed)
            return true
        }
        func take(_ bytes: Int) {
            calls.wrappingAdd(1, ordering: .relaxed)
            left.wrappingSubtract(bytes, ordering: .relaxed)
        }
        func giveBack(_ bytes: Int, of use: MemoryUse) {
            calls.wrappingAdd(1, ordering: .relaxed)
            left.wrappingAdd(bytes, ordering: .relaxed)
        }
    }

    @Test func theSourceIsAskedInGrains() {
        let source = Source(room: 1 << 20)
        let account = MemoryAccount(source: source)
        for _ in 0..<1000 { #expect(account.charge(16)) }
        #expect(account.held == 16_000 && source.asked == 1 && source.room == (1 << 20) - 16_384)
        #expect(account.charge(1000))
        #expect(source.asked == 2)
    }

    /// A small request fits into the memory that was granted when the connection was accepted.
    @Test func aSmallRequestAsksNobody() {
        let source = Source(room: 0)
        let account = MemoryAccount(source: source, prepaid: 64 << 10, held: 32 << 10)
        for _ in 0..<100 {
            #expect(account.charge(30 << 10))
            account.take(1000)
            account.release(30 << 10)
            account.release(1000)
        }
        #expect(source.asked == 0 && account.held == 32 << 10)
        account.close()
        #expect(source.asked == 0, "what was prepaid is given back by whoever paid it")
    }

    @Test func whatIsRefusedIsNotCharged() {
        let source = Source(room: 40_000)
        let account = MemoryAccount(source: source)
        #expect(account.charge(30_000))
        #expect(!account.charge(30_000))
        #expect(!account.chargeBody(30_000))
        #expect(account.held == 30_000 && account.bodies == 0)
        #expect(account.chargeBody(5000))
        #expect(account.bodies == 5000)
    }

    @Test func whatIsThereAlreadyIsChargedWhateverIsLeft() {
        let source = Source(room: 0)
        let account = MemoryAccount(source: source)
        account.take(100_000)
        #expect(account.held == 100_000 && source.room <= -100_000)
        account.release(100_000)
        #expect(source.room >= -2 * MemoryAccount.grain)
        account.close()
        #expect(source.room == 0)
    }

    /// Memory that `take` charged without asking the source is not kept for later charges once it is released.
    ///
    /// Later charges must ask the source.
    @Test func whatWasTakenIsNotKeptForLaterCharges() {
        let source = Source(room: 2 * MemoryAccount.grain)
        let account = MemoryAccount(source: source)
        #expect(account.charge(MemoryAccount.grain))
        account.take(3 * MemoryAccount.grain)
        #expect(source.room == -2 * MemoryAccount.grain)
        account.release(3 * MemoryAccount.grain)
        #expect(source.room == MemoryAccount.grain)
        #expect(account.charge(MemoryAccount.grain) && !account.charge(1))
    }

    /// `take` charges whole grains without asking the source for consent.
    ///
    /// If a part of the last grain stays unused, a later charge still needs the source's consent to use it.
    @Test func whatIsLeftOfATakenGrainNeedsConsentToo() {
        let source = Source(room: 2 * MemoryAccount.grain)
        let account = MemoryAccount(source: source)
        account.take(100)
        account.take(MemoryAccount.grain)
        #expect(source.room == 0)
        #expect(!account.charge(MemoryAccount.grain))
        #expect(account.held == 100 + MemoryAccount.grain && source.room == 0)
        #expect(account.charge(100), "the source consents to all that is held")
        #expect(source.room == 0)
        let poor = Source(room: 0)
        let other = MemoryAccount(source: poor)
        other.take(100)
        #expect(!other.charge(1) && other.held == 100 && poor.room == -MemoryAccount.grain)
        other.release(100)
        #expect(poor.room == 0)
    }

    @Test func chargingAtTheEdgeOfAGrainDoesNotAskEachTime() {
        let source = Source(room: 1 << 20)
        let account = MemoryAccount(source: source)
        for _ in 0..<100 {
            #expect(account.charge(MemoryAccount.grain + 1))
            account.release(MemoryAccount.grain + 1)
        }
        #expect(source.asked == 1)
    }

    @Test func theEndGivesEverythingBackOnce() {
        let source = Source(room: 1 << 20)
        do {
            let account = MemoryAccount(source: source)
            #expect(account.charge(123_456))
            #expect(account.chargeBody(77_777))
            account.close()
            #expect(source.room == 1 << 20)
            // A release after `close` gives nothing back a second time.
            account.release(123_456)
            account.releaseBody(77_777)
            #expect(account.forgetBody(1) == 0)
            account.take(5)
        }
        #expect(source.room == 1 << 20)
    }

    /// After `forgetBody` the account no longer gives the charge of the body back to its source, because another thread
    /// does so.
    @Test func aBodyMayBeGivenBackByAnother() {
        let source = Source(room: 1 << 20)
        let account = MemoryAccount(source: source)
        #expect(account.chargeBody(50_000))
        #expect(account.forgetBody(50_000) == 50_000)
        account.close()
        #expect(source.room == (1 << 20) - 50_000)
    }

    @Test func withoutASourceNothingIsRefused() {
        let account = MemoryAccount()
        #expect(account.charge(1 << 40) && account.chargeBody(1 << 40))
        #expect(account.held == 1 << 40)
    }

    @Test func anItemIsChargedWhatItWeighs() {
        let source = Source(room: 100_000)
        let account = MemoryAccount(source: source)
        var charge = MemoryCharge()
        charge.set(50_000, on: account)
        charge.set(10_000, on: account)
        #expect(account.held == 10_000 && charge.bytes == 10_000)
        #expect(isTrue(!charge.grow(to: 300_000, on: account)))
        #expect(isTrue(charge.grow(to: 60_000, on: account) && charge.grow(to: 20_000, on: account)))
        #expect(account.held == 60_000 && charge.bytes == 60_000, "growing makes nothing smaller")
        charge.set(0, on: account)
        #expect(account.held == 0)
    }
}

/// `#expect` cannot expand a call to a mutating method, so the result is passed through this function.
private func isTrue(_ value: Bool) -> Bool { value }
