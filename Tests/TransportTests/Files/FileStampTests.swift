import Foundation
import LoopTesting
import Testing
import Transport

@Suite struct FileStampTests {
    @Test func aChangedFileHasAnotherStamp() throws {
        let path = temporaryDirectory() + "/file"
        #expect(FileStamp(path) == nil)
        func write(_ text: String, replacing: Bool) throws {
            try Data(text.utf8).write(to: URL(filePath: path), options: replacing ? .atomic : [])
        }
        try write("one", replacing: false)
        let first = try #require(FileStamp(path))
        #expect(FileStamp(path) == first)
        try write("longer", replacing: false)
        let second = try #require(FileStamp(path))
        #expect(second != first && second.isSameFile(as: first))
        try write("longer", replacing: true)
        let third = try #require(FileStamp(path))
        #expect(third != second && !third.isSameFile(as: second) && !third.isSameFile(as: nil))
        let now = Int(Date().timeIntervalSince1970)
        #expect(third.isNew(at: now) && !third.isNew(at: now + 5))
    }
}
