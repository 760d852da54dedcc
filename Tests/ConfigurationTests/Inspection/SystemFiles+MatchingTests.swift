// Which files a pattern such as `*.yaml` matches, and which files of a folder count, with real files on a disk.

import Foundation
import Testing

@testable import Configuration

@Suite struct SystemFilesMatchingTests {
    @Test func foldersAndPatterns() throws {
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appending(path: "matching [\(UUID().uuidString)]").path
        try manager.createDirectory(atPath: "\(folder)/sub", withIntermediateDirectories: true)
        defer { try? manager.removeItem(atPath: folder) }
        for name in ["b.yaml", "a.yml", "B.yaml", ".hidden.yaml", "notes.txt", "x[1].yaml", "sub/c.yaml"] {
            #expect(manager.createFile(atPath: "\(folder)/\(name)", contents: nil))
        }
        func names(_ path: String) -> [String]? {
            SystemFiles.matching(path)?.map { String($0.dropFirst(folder.utf8.count + 1)) }
        }
        #expect(names(folder) == ["B.yaml", "a.yml", "b.yaml", "x[1].yaml"])
        #expect(names("\(folder)/") == names(folder))
        #expect(names("\(folder)/sub") == ["sub/c.yaml"])
        // The folder's own name contains brackets. In a pattern they mean one character of a set, so nothing matches.
        #expect(names("\(folder)/*.yaml") == [])
        let matches = SystemFiles.matching(folder.replacing("[", with: "\\[") + "/?.yaml")
        #expect(matches?.map { $0.suffix(6) } == ["B.yaml", "b.yaml"])
        #expect(names("\(folder)/x[1].yaml") == nil && names("\(folder)/b.yaml") == nil)
        #expect(SystemFiles.matching("/nowhere/gone.yaml") == nil && SystemFiles.matching("/nowhere/*.yaml") == [])
    }
}
