import Foundation
import Testing

/// Habits that were broken before they had a test.
///
/// A number or a list here is a ratchet: it may fall, and is lowered when it has fallen.
@Suite struct HabitTests {
    /// Lines of at most 120 characters, comments included, which the formatter does not wrap.
    ///
    /// What is left are literals that cannot be broken.
    @Test func linesAreShort() throws {
        let allowed = 193
        let kinds = [
            ("Sources", "swift"), ("Sources", "cpp"), ("Sources", "h"), ("Tests", "swift"), ("Tests", "py"),
            ("Benchmarks", "py"), ("infrastructure", "py"), ("infrastructure", "sh"),
        ]
        var long: [String] = []
        for (folder, ending) in kinds {
            for file in try SourceTree.files(under: folder, ending: ending) {
                // Counting bytes first is what makes this quick in a debug build.
                for (index, line) in file.lines.enumerated() where line.utf8.count > 120 && line.count > 120 {
                    long.append("\(file.path):\(index + 1)")
                }
            }
        }
        #expect(long.count <= allowed, "\(long.joined(separator: "\n"))")
    }

    /// A comment that names a file of ours names one that is there.
    @Test func commentsNameFilesThatExist() throws {
        // No files of this repository, or files of a library.
        let foreign: Set = ["GRDB.swift", "notes.md", "Foo.swift", "FooTests.swift"]
        let names = try SourceTree.names()
        let mention = try Regex(#"[A-Za-z0-9_+-]+\.(md|swift)\b"#)
        for file in try SourceTree.files(under: "Sources") + SourceTree.files(under: "Tests") {
            for (index, line) in file.lines.enumerated() {
                guard line.contains(".md") || line.contains(".swift"), let comment = line.range(of: "//") else {
                    continue
                }
                for match in line[comment.lowerBound...].matches(of: mention) {
                    // A name that begins with a plus is short for a file of the same type.
                    let word = line[match.range]
                    let name = word.hasPrefix("+") ? file.stem + word : String(word)
                    let isKnown = names.contains(name) || foreign.contains(name)
                    #expect(isKnown, "\(file.path):\(index + 1) names \(name)")
                }
            }
        }
    }

    /// A function or property that is `package` has a user outside of its file, among sources or tests.
    ///
    /// The test compares words, so a name that something else has too passes. Types are left out: one may be used only
    /// as the type of a property.
    @Test func packageSymbolsAreUsedElsewhere() throws {
        // It has no name where it is called.
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

    /// `Foo.swift` has its tests in `FooTests.swift`: a newcomer looks for them there.
    @Test func sourcesHaveTestsOfTheirName() throws {
        let leastShare = 0.55
        let sources = try SourceTree.files(under: "Sources").map(\.stem)
        let tests = Set(try SourceTree.files(under: "Tests").map(\.stem))
        let tested = sources.filter { tests.contains($0 + "Tests") }
        let share = Double(tested.count) / Double(sources.count)
        #expect(share >= leastShare, "\(tested.count) of \(sources.count) files")
    }
}
