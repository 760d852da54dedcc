import Glibc
import Synchronization
import Testing

@testable import Transport

/// The table in shared memory by which the processes of an upgrade count together.
///
/// The tests map it several times in one process; each mapping stands for a process.
@Suite struct SharedCountsTests {
    /// Maps a table once more, as the new process of an upgrade does.
    private func successor(of table: SharedCounts) throws -> SharedCounts {
        let column = try #require(table.allot())
        return try SharedCounts.adopt(dup(table.descriptor), column: column)
    }

    @Test func eachProcessSeesTheCountsOfTheOthers() throws {
        let one = try SharedCounts.create()
        let two = try successor(of: one)
        let three = try successor(of: two)
        #expect([one.column, two.column, three.column] == [0, 1, 2])
        let rows = try [one, two, three].map { try #require($0.row(for: "http://e\0m")) }
        rows[0].publish(3)
        rows[1].publish(5)
        #expect(rows.map(\.others) == [5, 3, 8])
        rows[0].publish(0)
        #expect(rows.map(\.others) == [5, 0, 5])
        #expect(try #require(three.row(for: "http://e\0other")).others == 0)
    }

    @Test func identitiesHaveRowsOfTheirOwn() throws {
        let (one, two) = try {
            let one = try SharedCounts.create(rows: 256)
            return (one, try successor(of: one))
        }()
        for number in 0..<256 { try #require(one.row(for: "key \(number)")).publish(number) }
        for number in (0..<256).reversed() { #expect(two.row(for: "key \(number)")?.others == number) }
        #expect(!one.isFull && !two.isFull)
    }

    @Test func aFullTableHasNoRowForMore() throws {
        let table = try SharedCounts.create(rows: 4)
        for number in 0..<4 { #expect(table.row(for: "\(number)") != nil) }
        #expect(!table.isFull)
        #expect(table.row(for: "4") == nil && table.isFull)
        #expect(table.row(for: "2") != nil, "a known identity keeps its row")
    }

    /// Threads ask for the rows of the same keys at once, through two mappings of one table; each key gets only one
    /// row.
    @Test func oneIdentityNeverGetsTwoRows() async throws {
        let one = try SharedCounts.create(rows: 512)
        let two = try successor(of: one)
        await withTaskGroup(of: Void.self) { group in
            for table in [one, one, two, two] {
                group.addTask { for number in 0..<500 { table.row(for: "key \(number)")?.publish(1) } }
            }
        }
        for number in 0..<500 {
            #expect(one.row(for: "key \(number)")?.others == 1 && two.row(for: "key \(number)")?.others == 1)
        }
    }

    /// Two processes with two threads each share a limit of three permits.
    ///
    /// Each process publishes its own count in the shared table before it reads the counts of the others.
    @Test func theLimitIsNeverExceeded() async throws {
        let one = try SharedCounts.create()
        let two = try successor(of: one)
        let limit = 3
        let places = Places()
        await withTaskGroup(of: Void.self) { group in
            for table in [one, two] {
                // How many of the three permits the threads of this simulated process hold.
                let own = Lock(0)
                let row = table.row(for: "limit")!
                for _ in 0..<2 {
                    group.addTask {
                        for _ in 0..<20_000 {
                            let isTaken = own.withLock { own in
                                row.publish(own + 1)
                                guard own + 1 + row.others <= limit else {
                                    row.publish(own)
                                    return false
                                }
                                own += 1
                                return true
                            }
                            guard isTaken else { continue }
                            places.take()
                            places.giveBack()
                            own.withLock { own in
                                own -= 1
                                row.publish(own)
                            }
                        }
                    }
                }
            }
        }
        #expect(places.most <= limit && places.taken > 0)
        #expect(one.row(for: "limit")?.others == 0 && two.row(for: "limit")?.others == 0)
    }

    // MARK: Columns

    /// A process that is killed leaves its counts in its column of the shared table, and another process clears them.
    @Test func theCountsOfAKilledProcessAreCleared() throws {
        let one = try SharedCounts.create()
        do {
            let killed = try successor(of: one)
            for number in 0..<1000 { killed.row(for: "key \(number)")?.publish(7) }
        }
        for number in 0..<1000 { one.row(for: "key \(number)")?.publish(1) }
        #expect(one.row(for: "key 999")?.others == 7)
        one.clear(1)
        for number in 0..<1000 { #expect(one.row(for: "key \(number)")?.others == 0) }
        let next = try successor(of: one)
        #expect(next.column == 1 && next.row(for: "key 0")?.others == 1)
    }

    @Test func columnsRunOutAndAreFreed() throws {
        let table = try SharedCounts.create(rows: 16)
        for column in 1..<SharedCounts.columnsUsual { #expect(table.allot() == column) }
        #expect(table.allot() == nil)
        table.clear(5)
        table.clear(99)
        table.clear(-1)
        #expect(table.allot() == 5)
    }

    @Test func rowsThatNobodyUsesCostNoMemory() throws {
        let table = try SharedCounts.create()
        for number in 0..<8 { table.row(for: "\(number)")?.publish(1) }
        table.clear(1)
        var status = stat()
        #expect(fstat(table.descriptor, &status) == 0)
        // The kernel allocates only pages that were written: one for the header, and at most one for each of 8 rows.
        // `st_blocks` counts blocks of 512 bytes, 8 a page.
        #expect(status.st_blocks <= 9 * 8 && status.st_size > 8 << 20)
    }

    // MARK: Wrong descriptors

    private func refusal(_ descriptor: CInt, column: Int = 0) -> String? {
        do throws(SharedCountsError) {
            _ = try SharedCounts.adopt(descriptor, column: column)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func onlyTablesAreAdopted() throws {
        let table = try SharedCounts.create(rows: 16)
        #expect(refusal(-1) != nil && refusal(0)?.contains("no memfd") == true)
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        #expect(refusal(file)?.contains("no memfd") == true)
        close(file)
        for column in [-1, 1, 14, 15, .max] {
            #expect(refusal(table.descriptor, column: column)?.contains("column") == true)
        }
        #expect(table.row(for: "x") != nil)
    }

    @Test(arguments: [
        (0, 0, "format"), (0, 1, "format"), (8, 0, "rows"), (8, 17, "rows"), (8, 32, "rows"), (8, -16, "rows"),
        (8, .min, "rows"), (8, .max, "rows"), (16, 0, "columns"), (16, 14, "columns"), (16, .max, "columns"),
    ])
    func tablesWithAWrongHeaderAreRefused(at offset: Int, value: Int, reason: String) throws {
        let table = try SharedCounts.create(rows: 16)
        var value = value
        #expect(pwrite(table.descriptor, &value, 8, off_t(offset)) == 8)
        #expect(refusal(table.descriptor)?.contains(reason) == true)
    }

    @Test func nobodyCanShrinkATable() throws {
        let table = try SharedCounts.create(rows: 16)
        #expect(ftruncate(table.descriptor, 0) == -1 && ftruncate(table.descriptor, 1 << 20) == -1)
    }
}

/// Counts permits of a limit: how many are held now, how many were held at most at once, and how many were taken in
/// all.
private final class Places: Sendable {
    private let held = Atomic<Int>(0), high = Atomic<Int>(0), all = Atomic<Int>(0)
    var most: Int { high.load(ordering: .sequentiallyConsistent) }
    var taken: Int { all.load(ordering: .sequentiallyConsistent) }

    func take() {
        high.max(held.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue, ordering: .sequentiallyConsistent)
        all.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
    func giveBack() { held.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
}
