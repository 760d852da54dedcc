// The files of the repository, for the tests of conventions.
import Foundation
import Testing

/// A text file: its path from the root of the repository, and its lines.
struct SourceFile {
    let path: String
    let lines: [String]

    /// The name without folder and extension.
    var stem: String { URL(filePath: path).deletingPathExtension().lastPathComponent }
}

enum SourceTree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every file with an ending below a folder, sorted by path, without build products and caches (`.build`, ...).
    static func files(under folder: String, ending: String = "swift") throws -> [SourceFile] {
        let start = root.appending(path: folder)
        let names = try #require(FileManager.default.enumerator(atPath: start.path))
        let found = names.compactMap { $0 as? String }.filter { $0.hasSuffix(".\(ending)") }.sorted()
        try #require(!found.isEmpty, "nothing under \(folder)")
        return try found.map { try file("\(folder)/\($0)") }
    }

    static func file(_ path: String) throws -> SourceFile {
        let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
        return SourceFile(path: path, lines: text.components(separatedBy: "\n"))
    }

    /// The names, without folders, of all files and folders of the repository, except hidden and built ones.
    static func names() throws -> Set<String> {
        var names: Set<String> = []
        let walk = try #require(FileManager.default.enumerator(atPath: root.path))
        while let path = walk.nextObject() as? String {
            let name = URL(filePath: path).lastPathComponent
            if name.hasPrefix(".") || name == "__pycache__" { walk.skipDescendants() } else { names.insert(name) }
        }
        return names
    }
}
