import Foundation
import Testing

/// Conventions with old violations, which the tests allow.
///
/// The numbers and lists of allowed violations may only become smaller. Whoever fixes a violation lowers them.
@Suite struct HabitTests {
    /// Lines have at most 120 characters, including comments, which the formatter does not wrap.
    ///
    /// The allowed exceptions are literals that cannot be broken.
    @Test func linesAreShort() throws {
        let allowed = 121
        let kinds = [
            ("Sources", "swift"), ("Sources", "cpp"), ("Sources", "h"), ("Tests", "swift"), ("Tests", "py"),
            ("Benchmarks", "py"), ("infrastructure", "py"), ("infrastructure", "sh"),
        ]
        var long: [String] = []
        for (folder, ending) in kinds {
            for file in try SourceTree.files(under: folder, ending: ending) {
                // Counting bytes first makes this fast in a debug build.
                for (index, line) in file.lines.enumerated() where line.utf8.count > 120 && line.count > 120 {
                    long.append("\(file.path):\(index + 1)")
                }
            }
        }
        #expect(long.count <= allowed, "\(long.joined(separator: "\n"))")
    }

    /// If a comment names a `.swift` or `.md` file of this repository, that file exists.
    @Test func commentsNameFilesThatExist() throws {
        // Names that are no files of this repository: examples, and files of libraries.
        let foreign: Set = ["GRDB.swift", "notes.md", "Foo.swift", "FooTests.swift"]
        let names = try SourceTree.names()
        let mention = try Regex(#"[A-Za-z0-9_+-]+\.(md|swift)\b"#)
        for file in try SourceTree.files(under: "Sources") + SourceTree.files(under: "Tests") {
            for (index, line) in file.lines.enumerated() {
                guard line.contains(".md") || line.contains(".swift"), let comment = line.range(of: "//") else {
                    continue
                }
                for match in line[comment.lowerBound...].matches(of: mention) {
                    // A name that begins with a plus is an abbreviation: the part before the plus is the stem of this
                    // file's name.
                    let word = line[match.range]
                    let name = word.hasPrefix("+") ? file.stem + word : String(word)
                    let isKnown = names.contains(name) || foreign.contains(name)
                    #expect(isKnown, "\(file.path):\(index + 1) names \(name)")
                }
            }
        }
    }

    /// Each `package` function or property is used outside its own file, by sources or tests.
    ///
    /// The test compares words, so a name that occurs elsewhere with another meaning passes. Types are left out,
    /// because a type may be used only as the type of a property.
    @Test func packageSymbolsAreUsedElsewhere() throws {
        // Calls of a `callAsFunction` do not contain its name, so the test cannot find them.
        let nameless = "callAsFunction"
        let declaration = try Regex(
            #"^\s*(?:@\w+(?:\([^)]*\))?\s+)*package\s+(?:\w+(?:\([^)]*\))?\s+)*?(?:func|var|let)\s+(\w+)"#
        )
        let sources = try SourceTree.files(under: "Sources")
        var users: [String: Set<String>] = [:]
        let tests = try SourceTree.files(under: "Tests").filter { !$0.path.hasPrefix("Tests/TidyTests/") }
        for file in sources + tests {
            let text = file.lines.joined(separator: "\n").utf8
            for word in Set(text.split(whereSeparator: Self.separatesWords).map { String($0) }) {
                if let word { users[word, default: []].insert(file.path) }
            }
        }
        for file in sources {
            for (index, line) in file.lines.enumerated() where line.contains("package ") {
                guard let match = try declaration.firstMatch(in: line), let name = match.output[1].substring else {
                    continue
                }
                let others = users[String(name), default: []].subtracting([file.path])
                let isUsed = !others.isEmpty || name == nameless
                #expect(isUsed, "\(file.path):\(index + 1): nobody outside of the file uses \(name)")
            }
        }
    }

    private static func separatesWords(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): false
        case UInt8(ascii: "0")...UInt8(ascii: "9"): false
        default: true
        }
    }

    /// A newcomer looks for the tests of `Foo.swift` in `FooTests.swift`.
    @Test func sourcesHaveTestsOfTheirName() throws {
        let leastShare = 0.55
        let sources = try SourceTree.files(under: "Sources").map(\.stem)
        let tests = Set(try SourceTree.files(under: "Tests").map(\.stem))
        let tested = sources.filter { tests.contains($0 + "Tests") }
        let share = Double(tested.count) / Double(sources.count)
        #expect(share >= leastShare, "\(tested.count) of \(sources.count) files")
    }
}
