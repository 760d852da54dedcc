import Foundation
import Testing

/// Tests that the sources of the Debian package agree with the rest of the repository.
///
/// `make test-deb` (Tests/Package) tests a built package.
@Suite struct PackageTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOf: SourceTree.root.appending(path: path), encoding: .utf8)
    }

    /// Runs a program in the root of the repository; returns its output and its errors.
    private func run(_ words: String...) throws -> (output: String, errors: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.currentDirectoryURL = SourceTree.root
        let folder = FileManager.default.temporaryDirectory
        let places = ["out", "err"].map { folder.appending(path: "package-\(UUID().uuidString).\($0)") }
        defer { for place in places { try? FileManager.default.removeItem(at: place) } }
        for place in places { try Data().write(to: place) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: places[0])
        process.standardError = try FileHandle(forWritingTo: places[1])
        try process.run()
        process.waitUntilExit()
        let said = try places.map { try String(contentsOf: $0, encoding: .utf8) }
        return (said[0], said[1], process.terminationStatus)
    }

    /// The manual page freeinference.yaml(5), without font changes and escaped characters.
    private func manual() throws -> String {
        let made = try run("python3", "infrastructure/scripts/manual.py", "configuration")
        try #require(made.status == 0, "\(made.errors)")
        return made.output.replacing(/\\f[BIPR]/, with: "").replacing("\\-", with: "-").replacing("\\&", with: "")
    }

    @Test func everyKeyHasAnEntryInTheManual() throws {
        let keys = try Self.text("docs/configuration.md").matches(of: /(?m)^\| `([^`]+)` \|/).map { String($0.1) }
        try #require(keys.count > 100)
        // In troff the line after the request `.TP` is the tag of the paragraph, here the name of a key.
        let tags = try manual().matches(of: /(?m)^\.TP\n(.+)$/).map { String($0.1) }
        #expect(Set(keys).subtracting(tags).sorted() == [])
        for key in Set(keys) {
            #expect(tags.count { $0 == key } == keys.count { $0 == key }, "\(key)")
        }
    }

    @Test func everyHeadingIsInTheManual() throws {
        let headings = try Self.text("docs/configuration.md").matches(of: /(?m)^##(#?) (.+)$/)
        let lines = Set(try manual().split(separator: "\n").map(String.init))
        for heading in headings {
            let wanted = heading.1.isEmpty ? ".SH \"\(heading.2.uppercased())\"" : ".SS \"\(heading.2)\""
            #expect(lines.contains(wanted), "\(wanted)")
        }
    }

    /// The manual page is made from Markdown, and no Markdown syntax may be left in it, except in quoted text.
    @Test func theManualHasNoMarkdown() throws {
        for line in try manual().split(separator: "\n") {
            #expect(!line.contains("`") || line.contains("% \""), "\(line)")
            #expect(!line.contains("](") && !line.contains("**"), "\(line)")
        }
    }

    @Test func whatTheManualCannotShowIsAnError() throws {
        let script = """
            import sys
            sys.path.insert(0, 'infrastructure/scripts')
            sys.dont_write_bytecode = True
            import roff
            for text in ('1. numbered', '> quoted', '| a | b |\\n|---|---|\\n| c |', '```\\nopen'):
                try:
                    roff.page(text)
                except roff.Unreadable as error:
                    print('refused:', error)
            """
        let made = try run("python3", "-c", script)
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output.matches(of: /(?m)^refused:/).count == 4, "\(made.output)")
    }

    /// `deb.sh` makes the package's systemd unit from the repository's one with a single sed expression, which may
    /// change only lines with the path of the binary.
    @Test func theUnitOfThePackageDiffersInThePathAlone() throws {
        let unit = "infrastructure/systemd/hybrid_inference.service"
        let commands = try Self.text("infrastructure/scripts/deb.sh").matches(of: /(?m)^sed '([^']+)' (\S+) \|/)
        let command = try #require(commands.first { $0.2 == unit })
        try #require(commands.count == 1)
        let made = try run("sed", String(command.1), unit).output.split(separator: "\n")
        let kept = try Self.text(unit).split(separator: "\n")
        try #require(made.count == kept.count)
        var changed: [Substring] = []
        for (new, old) in zip(made, kept) where new != old {
            #expect(new == old.replacing("/usr/local/bin/freeinference", with: "/usr/bin/freeinference"))
            changed.append(new)
        }
        #expect(changed.map { $0.prefix { $0 != "=" } } == ["ExecStartPre", "ExecStart", "ExecReload"])
        #expect(!made.contains { $0.contains("/usr/local") })
    }

    /// The Debian copyright file must name every package in Package.resolved, the toolchain's libraries, and the code
    /// that those packages bundle.
    @Test func theCopyrightNamesWhatIsLinked() throws {
        let text = try Self.text("infrastructure/debian/copyright")
        let named = Set(text.matches(of: /(?m)^Files: (\S+)\/\*$/).map { String($0.1) })
        let resolved = try Self.text("Package.resolved").matches(of: /"location" : "[^"]*\/([^"\/]+)"/)
        let packages = resolved.map { String($0.1.replacing(/\.git$/, with: "")) }
        try #require(packages.count > 5)
        let others = ["swift", "swift-foundation-icu", "Yams/Sources/CYaml", "simdjson", "xxHash"]
        #expect(Set(packages + others).symmetricDifference(named).sorted() == [])
        let used = Set(text.matches(of: /(?m)^Files: .+\nCopyright: (?:.+\n)(?: .+\n)*License: (.+)$/).map { $0.1 })
        let given = Set(text.matches(of: /(?m)^License: (.+)\n[ ]/).map { $0.1 })
        #expect(used == given, "licences without their text, or texts that nobody has")
    }

    @Test func theVersionIsThatOfTheServer() throws {
        let changelog = try Self.text("infrastructure/debian/changelog")
        let packaged = try #require(changelog.firstMatch(of: /^freeinference \((.+)-\d+\)/)).1
        let built = try #require(try Self.text("Sources/Edge/Build.swift").firstMatch(of: /version = "(.+)"/)).1
        #expect(packaged == built)
    }

    /// The example configuration of the package marks exactly two lines that the operator has to edit.
    @Test func theExampleHasTwoLinesToEdit() throws {
        let lines = try Self.text("infrastructure/debian/freeinference.yaml").split(separator: "\n")
        let marked = lines.filter { $0.contains("# EDIT (") }
        #expect(marked.count == 2)
        for line in marked { #expect(line.contains(/^[ -]+\w+: +# EDIT \(\d of 2\): .+, such as \S+$/), "\(line)") }
    }

    /// Each maintainer script of the package ends at the first command that fails, and has the line `#DEBHELPER#`,
    /// where debhelper inserts commands.
    @Test(arguments: ["postinst", "prerm", "postrm"]) func scriptsEndAtAnError(name: String) throws {
        let path = "infrastructure/debian/freeinference.\(name)"
        let lines = try Self.text(path).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "#!/bin/sh" && lines.contains("set -e") && lines.contains("#DEBHELPER#"))
        #expect(try run("dash", "-n", path).status == 0)
        #expect(!lines.contains { $0.contains("systemctl restart") && !$0.contains("to restart it") }, "\(path)")
    }
}
