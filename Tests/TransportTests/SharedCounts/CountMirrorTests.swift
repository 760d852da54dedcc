import Glibc
import Synchronization
import Testing

@testable import Transport

@Suite struct CountMirrorTests {
    /// Maps one table of shared counts twice, as two processes do.
    private func processes() throws -> (SharedCounts, SharedCounts) {
        let one = try SharedCounts.create(rows: 64)
        let column = try #require(one.allot())
        return (one, try SharedCounts.adopt(dup(one.descriptor), column: column))
    }

    @Test func theCountIsPublishedFromAttachToDetach() throws {
        let (one, two) = try processes()
        let (mirror, other) = (CountMirror(), CountMirror())
        let count = Atomic<Int>(4), none = Atomic<Int>(0)
        mirror.publish(count)
        #expect(mirror.others == 0)
        mirror.attach(one.row(for: "a"), count)
        other.attach(two.row(for: "a"), none)
        #expect(other.others == 4 && mirror.others == 0)
        count.store(6, ordering: .relaxed)
        mirror.publish(count)
        #expect(other.others == 6)
        mirror.attach(one.row(for: "a"), count)
        #expect(other.others == 6, "the same row again")
        mirror.attach(one.row(for: "b"), count)
        #expect(other.others == 0 && two.row(for: "b")?.others == 6)
        mirror.attach(nil, count)
        #expect(two.row(for: "b")?.others == 0)
    }

    /// Two threads change a count, while a third one begins and ends to publish it in a table that processes share.
    ///
    /// No change is lost: at the end, the other process sees the whole count.
    @Test func noChangeIsLostWhileSharingBegins() async throws {
        let (one, two) = try processes()
        let owner = Owner()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<20_000 {
                        owner.count.wrappingAdd(1, ordering: .sequentiallyConsistent)
                        owner.mirror.publish(owner.count)
                    }
                    owner.done.wrappingAdd(1, ordering: .sequentiallyConsistent)
                }
            }
            group.addTask {
                while owner.done.load(ordering: .sequentiallyConsistent) < 2 {
                    owner.mirror.attach(one.row(for: "a"), owner.count)
                    owner.mirror.attach(nil, owner.count)
                }
                owner.mirror.attach(one.row(for: "a"), owner.count)
            }
        }
        #expect(two.row(for: "a")?.others == 40_000)
    }

    /// A count that threads change, and how many of these threads have ended.
    private final class Owner: Sendable {
        let count = Atomic<Int>(0), done = Atomic<Int>(0)
        let mirror = CountMirror()
    }
}
