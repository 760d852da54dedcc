import Testing

@testable import Routing

@Suite struct RecentTableTests {
    @Test func whatIsUsedStays() {
        var table = RecentTable<Int>(countMax: 100)
        table.set(1, to: 11)
        for hash in 1000..<5000 {
            table.set(UInt64(hash), to: hash)
            #expect(table.value(1) == 11 && table.count <= 100)
        }
        #expect(table.value(4999) == 4999 && table.value(1000) == nil)
    }

    @Test func whatIsNotUsedIsForgotten() {
        var table = RecentTable<Int>(countMax: 10)
        table.set(1, to: 11)
        for hash in 100..<105 { table.set(UInt64(hash), to: 0) }
        #expect(table.value(1) == 11, "it belongs to the earlier generation, and is found")
        for hash in 200..<212 { table.set(UInt64(hash), to: 0) }
        #expect(table.value(1) == nil && table.count <= 10)
    }

    @Test func aValueIsReplacedAndFiltered() {
        var table = RecentTable<Int>(countMax: 10)
        for hash in 1...7 { table.set(UInt64(hash), to: 1) }
        table.set(1, to: 2)
        table.set(7, to: 2)
        #expect(table.value(1) == 2 && table.value(7) == 2)
        table.keep { $0 == 2 }
        #expect(table.count == 2 && table.value(1) == 2 && table.value(3) == nil)
    }
}
