import Foundation
import Testing

/// Files of the Debian package that scripts make from the binary: the manual page, shell completions, and the bill of
/// materials.
@Suite struct ManualTests {
    /// Every command of the binary, each as its list of words, such as `keys` and `create`, read from the output of
    /// `--help`.
    private func commands(_ path: [String] = []) async throws -> [[String]] {
        let help = try await run(Repository.binary, path + ["--help"])
        try #require(help.succeeded, "\(help.errors)")
        guard let list = help.output.split(separator: "SUBCOMMANDS:").dropFirst().first else { return [path] }
        var found: [[String]] = []
        for match in list.matches(of: /(?m)^  (\w+)(?:  |$)/) where match.1 != "help" {
            found += try await commands(path + [String(match.1)])
        }
        return found
    }

    @Test func everyCommandAndOptionIsInTheManual() async throws {
        let script = Repository.root + "/infrastructure/scripts/manual.py"
        let made = try await run(
            "sh",
            ["-c", #""$1" --experimental-dump-help | python3 "$2" commands"#, "sh", Repository.binary, script]
        )
        try #require(made.succeeded, "\(made.errors)")
        let page = made.output.replacing(/\\f[BIPR]/, with: "").replacing("\\-", with: "-")
        let all = try await commands()
        try #require(all.count > 10)
        for path in all {
            let title = ".SS \"\(path.joined(separator: " "))\""
            let section = try #require(page.split(separator: title + "\n").dropFirst().first, "no \(title)")
            let help = try await run(Repository.binary, path + ["--help"]).output
            let options = help.matches(of: /(?m)^  (?:-\w, )?(--[\w-]+)/).map { String($0.1) }
            for option in Set(options).subtracting(["--help", "--version"]) {
                #expect(section.split(separator: "\n.SS ")[0].contains(option), "\(title): \(option)")
            }
        }
        #expect(page.contains(".SH SIGNALS\n") && page.contains("SIGTERM"))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionsNameEveryCommand(shell: String) async throws {
        let made = try await run(Repository.binary, ["--generate-completion-script", shell])
        try #require(made.succeeded, "\(made.errors)")
        for path in try await commands() { for word in path { #expect(made.output.contains(word), "\(word)") } }
    }

    /// The bill of materials has every package of Package.resolved with its version, and marks those that only tests
    /// use as `excluded`.
    @Test func theBillOfMaterialsHasEveryPackage() async throws {
        let script = Repository.root + "/infrastructure/scripts/sbom.py"
        let made = try await run("python3", [script, Repository.binary])
        try #require(made.succeeded, "\(made.errors)")
        let bill = try JSONDecoder().decode(Bill.self, from: Data(made.output.utf8))
        let scopes = Dictionary(uniqueKeysWithValues: bill.components.map { ($0.name, $0) })
        let resolved = try String(contentsOfFile: Repository.root + "/Package.resolved", encoding: .utf8)
        let pins = resolved.matches(of: /"location" : "[^"]*\/([^"\/]+)",[^}]*"version" : "([^"]+)"/)
        try #require(pins.count > 5)
        for pin in pins { #expect(scopes[String(pin.1)]?.version == String(pin.2), "\(pin.1)") }
        #expect(scopes["swift-subprocess"]?.scope == "excluded" && scopes["swift-system"]?.scope == "excluded")
        for name in ["GRDB.swift", "Yams", "libyaml", "swift-numerics", "swift", "swift-foundation-icu", "libssl3"] {
            #expect(scopes[name]?.scope == "required", "\(name)")
        }
    }

    private struct Bill: Decodable {
        struct Component: Decodable {
            let name: String
            let version: String?
            let scope: String
        }
        let components: [Component]
    }
}
