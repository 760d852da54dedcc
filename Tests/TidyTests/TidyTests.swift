import Foundation
import Testing

/// Conventions that the compiler does not check.
@Suite struct TidyTests {
    @Test(arguments: ["Transport", "HTTP", "Routing", "Inference", "Configuration", "Migration", "Edge"])
    func foundationStaysOut(of target: String) throws {
        for file in try SourceTree.files(under: "Sources/\(target)") {
            #expect(!file.lines.contains { $0.hasSuffix("import Foundation") }, "\(file.path)")
        }
    }

    /// Only the target KeyStore imports GRDB, which brings Foundation, and only one file of Edge imports KeyStore.
    @Test func databasesStayInTheirTarget() throws {
        for file in try SourceTree.files(under: "Sources") {
            let imports = file.lines.filter { $0.contains("import ") }
            if !file.path.hasPrefix("Sources/KeyStore/") {
                #expect(!imports.contains { $0.hasSuffix("import GRDB") }, "\(file.path)")
            }
            if file.path.hasPrefix("Sources/Edge/"), imports.contains(where: { $0.hasSuffix("import KeyStore") }) {
                #expect(file.path == "Sources/Edge/Authentication/KeyStoreReader.swift")
            }
        }
    }

    @Test(arguments: ["Sources", "Tests"]) func filesHaveOneSubject(folder: String) throws {
        for file in try SourceTree.files(under: folder) { #expect(file.lines.count <= 600, "\(file.path)") }
    }

    @Test func sourcesBeginBySayingWhatTheyAre() throws {
        for file in try SourceTree.files(under: "Sources") {
            #expect(file.lines.first?.hasPrefix("// ") == true, "\(file.path)")
        }
    }

    @Test func whatTheCompilerCannotProveHasItsProof() throws {
        for file in try SourceTree.files(under: "Sources") {
            for (index, line) in file.lines.enumerated()
            where line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") {
                if line.contains("///") || line.trimmingCharacters(in: .whitespaces).hasPrefix("//") { continue }
                let before = file.lines[max(0, index - 8)..<index]
                #expect(before.contains { $0.contains("// Sound because") }, "\(file.path):\(index + 1)")
            }
        }
    }

    /// Links in the documentation lead to existing files of the repository.
    @Test func linksLeadSomewhere() throws {
        var pages = try SourceTree.files(under: "docs", ending: "md")
        for page in ["README.md", "Benchmarks/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
            pages.append(try SourceTree.file(page))
        }
        let link = try Regex(#"\]\(([^)#:]+)(#[^)]*)?\)"#)
        for page in pages {
            let folder = SourceTree.root.appending(path: page.path).deletingLastPathComponent()
            for line in page.lines {
                for match in line.matches(of: link) {
                    let target = String(match.output[1].substring ?? "")
                    #expect(
                        FileManager.default.fileExists(atPath: folder.appending(path: target).path),
                        "\(page.path) -> \(target)"
                    )
                }
            }
        }
    }
}
