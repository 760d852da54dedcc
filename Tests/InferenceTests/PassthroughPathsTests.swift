// `PassthroughPaths` holds the paths in `passthrough` of all models, and says whether a model has a path.

import Inference
import Testing

@Suite struct PassthroughPathsTests {
    @Test func aPathOfAModelIsItsOwn() {
        let paths = PassthroughPaths([["/a"], ["/b", "/a"], []])
        let path = Array("/b".utf8)[...]
        #expect([0, 1, 2].map { paths.has(path, of: $0) } == [false, true, false])
        #expect(!paths.has(Array("/c".utf8)[...], of: 1))
    }
}
