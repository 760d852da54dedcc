// How the edge follows the changes of a file that lists executors.
import Configuration
import Foundation
import LoopTesting
import Testing

@testable import Edge

/// A file of executors on a disk, which the follower checks when the test calls `look`.
@Suite struct ListFileFollowerTests {
    private final class Desk {
        let folder = temporaryDirectory()
        private(set) var follower: ListFileFollower<[ExecutorSettings]>!
        private(set) var said: [String] = []
        private(set) var readings = 0
        var path: String { "\(folder)/list.yaml" }

        init() {
            follower = ListFileFollower(path: path, of: "executors") { [unowned self] text, _ in said.append(text) }
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func write(_ text: String, to name: String = "list.yaml") throws {
            try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
        }

        /// Has the follower check the file.
        ///
        /// - Parameter now: with 0, every file counts as just modified, so that its contents are compared.
        func look(now: Int = 0) -> [String]? {
            let list = follower.look(now: now) { bytes in
                readings += 1
                let text = "listeners: [{address: '127.0.0.1:1'}]\nmodels: [{id: a, executors: [{url: 'http://own'}]}]"
                let read = Configuration.load(path: "c", readFile: { _ in .success(Array(text.utf8)) })
                return read.flatMap { ExecutorFile(path: path).read(bytes, for: $0, environment: [:]) }
                    .mapError { ListFileProblem($0, path: path) }
            }
            return list?.map(\.url.host)
        }
    }

    @Test func contentsAreCompared() throws {
        let desk = Desk()
        try desk.write("- url: http://a\n")
        #expect(desk.look() == ["a"] && desk.look() == ["a"] && desk.readings == 1)
        // A file whose modification time is unchanged and more than 2 s old is not opened.
        let later = Int(Date().timeIntervalSince1970) + 60
        #expect(desk.look(now: later) == nil)
        try desk.write("- url: http://b\n")
        #expect(desk.look() == ["b"] && desk.readings == 2 && desk.said == [])
    }

    @Test func aLinkThatIsReplacedCounts() throws {
        let desk = Desk()
        try desk.write("- url: http://a\n", to: "one")
        try desk.write("- url: http://b\n", to: "two")
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: desk.path, withDestinationPath: "one")
        #expect(desk.look() == ["a"])
        try manager.createSymbolicLink(atPath: "\(desk.folder)/next", withDestinationPath: "two")
        #expect(rename("\(desk.folder)/next", desk.path) == 0)
        #expect(desk.look(now: Int(Date().timeIntervalSince1970) + 60) == ["b"])
    }

    @Test func whatCannotBeUsedIsSaidOnceAndChangesNothing() throws {
        let desk = Desk()
        let manager = FileManager.default
        try desk.write("- url: http://a\n")
        #expect(desk.look() == ["a"])
        func isRefused(_ words: String) -> Bool {
            let before = desk.said.count
            guard desk.look() == nil, desk.look() == nil, desk.said.count == before + 1 else { return false }
            return desk.said[before].hasPrefix("warning: the last list of executors stays: ")
                && desk.said[before].contains(words)
        }
        try desk.write("")
        #expect(isRefused("lists no executor"), "\(desk.said)")
        try desk.write("- url: http://a\n- ur")
        #expect(isRefused("list.yaml:2:3: "), "\(desk.said)")
        try desk.write("- url: [\n")
        #expect(isRefused("not valid YAML"), "\(desk.said)")
        try manager.removeItem(atPath: desk.path)
        #expect(isRefused("No such file"), "\(desk.said)")
        try manager.createDirectory(atPath: desk.path, withIntermediateDirectories: false)
        #expect(isRefused("Is a directory"), "\(desk.said)")
        try manager.removeItem(atPath: desk.path)
        #expect(mkfifo(desk.path, 0o600) == 0)
        #expect(isRefused("a pipe"), "\(desk.said)")
        try manager.removeItem(atPath: desk.path)
        try desk.write((0..<100_000).map { "- url: http://h\($0)\n" }.joined())
        #expect(isRefused("larger than 1024 KiB"), "\(desk.said)")
        // The old contents are used again, and a message reports the recovery.
        try desk.write("- url: http://a\n")
        #expect(desk.look() == ["a"] && desk.said.last?.contains("is used again") == true)
    }
}
