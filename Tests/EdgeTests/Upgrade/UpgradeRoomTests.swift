import Testing

@testable import Edge

@Suite struct UpgradeRoomTests {
    @Test func oneMoreThanTheMostDrainsOnlyWhileItHasToEnd() {
        #expect(
            (0...6).map { UpgradeRoom(draining: $0, most: 4) } == [
                .free, .free, .free, .free, .afterHurrying, .full, .full,
            ]
        )
        #expect((0...2).map { UpgradeRoom(draining: $0, most: 1) } == [.free, .afterHurrying, .full])
    }
}
