// Tests that executors with the same name get different labels in metrics.
import Testing

@testable import Edge

@Suite struct UniqueLabelsTests {
    @Test func aNameThatComesAgainIsNumbered() {
        var labels = UniqueLabels()
        #expect(["a", "b", "a", "a", "b", ""].map { labels.label($0) } == ["a", "b", "a#2", "a#3", "b#2", ""])
    }
}
