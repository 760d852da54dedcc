// The memory that an attempt charges for the part of a response that it keeps: it grows with the response, and is
// given back exactly once.
import Testing
import Transport

@testable import Edge

@Suite struct AnswerMemoryTests {
    private let budget = MemoryBudget(limit: 64 << 20)
    private let account: MemoryAccount
    private var memory: AnswerMemory

    init() {
        account = MemoryAccount(source: budget)
        memory = AnswerMemory(account: account)
    }

    @Test mutating func aHeldAnswerIsChargedAtItsCapacity() {
        var held: [UInt8] = []
        #expect(isTrue(memory.hold([UInt8](repeating: 1, count: 1000).span, in: &held, expected: nil)))
        #expect(account.held >= 4096 && account.held == held.capacity)
        for _ in 0..<20 {
            #expect(isTrue(memory.hold([UInt8](repeating: 1, count: 1000).span, in: &held, expected: nil)))
        }
        #expect(held.count == 21_000 && account.held == held.capacity)
        memory.letGoOfAnswer()
        #expect(account.held == 0)
    }

    /// A response is charged by its received bytes, not by its announced length.
    @Test mutating func anAnnouncedAnswerIsChargedAsItComes() {
        var held: [UInt8] = []
        #expect(isTrue(memory.hold([1].span, in: &held, expected: 200_000)))
        #expect(account.held < 8192)
        #expect(isTrue(memory.hold([UInt8](repeating: 1, count: 4999).span, in: &held, expected: 5000)))
        #expect(held.count == 5000 && account.held < 10_000)
    }

    @Test mutating func anAnswerThatThereIsNoRoomForIsNotHeld() {
        #expect(budget.reserve(64 << 20))
        var held: [UInt8] = []
        #expect(isTrue(!memory.hold([1].span, in: &held, expected: nil)))
        #expect(held.isEmpty && account.held == 0)
    }

    @Test mutating func aPieceOfAnEventIsChargedWhileItIsKept() {
        memory.keepPiece(of: 5000)
        memory.keepPiece(of: 0)
        #expect(account.held == 0)
        memory.keepPiece(of: 40_000)
        #expect(account.held == 40_000)
        memory.end()
        #expect(account.held == 0)
    }
}
