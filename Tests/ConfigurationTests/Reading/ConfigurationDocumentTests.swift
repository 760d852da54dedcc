// Tests configuration files with invalid YAML, duplicate keys, aliases or a byte order mark.

import Testing

@testable import Configuration

@Suite struct ConfigurationDocumentTests {
    @Test func aFileThatCannotBeReadOrParsedIsOneFault() {
        let missing = Configuration.load(
            path: "/x.yaml",
            environment: [:],
            readFile: { _ in .failure(FileProblem("No such file or directory")) }
        )
        guard case .failure(let errors) = missing else { return #expect(Bool(false)) }
        #expect(errors.description == "/x.yaml:1:1: the file cannot be read: No such file or directory")
        #expect(faults("a: [1\nb: 2")[0].hasPrefix("c.yaml:2:2: not valid YAML: "))
        #expect(faults("a: 1\n---\nb: 2")[0].hasPrefix("c.yaml:2:1: not valid YAML: "))
        #expect(faults("a: \u{1}")[0].hasPrefix("c.yaml:1:4: not valid YAML: "))
        // Lines may end in CR LF, and a column counts characters, not bytes.
        #expect(faults("a: 1\r\nb: 2\r\u{fc}\u{1F600}\u{1}")[0].hasPrefix("c.yaml:3:3: not valid YAML: "))
        // If the file ends without a line end, the error is at the end of the last line.
        #expect(faults("a: [1")[0].hasPrefix("c.yaml:1:6: not valid YAML: "))
        #expect(faults("a: [1\n")[0].hasPrefix("c.yaml:2:1: not valid YAML: "))
        #expect(faults("a: *b")[0] == "c.yaml:1:4: not valid YAML: found undefined alias")
        #expect(
            faults("- 1") == ["c.yaml:1:1: expected keys such as 'listeners:' and 'models:' at the top of the file"]
        )
        let reader = ConfigurationReader(file: "c.yaml") { _ in nil }
        _ = Configuration.load(bytes: [0x61, 0xFF], environment: [:], reader: reader)
        #expect(reader.problems.map(\.description) == ["c.yaml:1:1: the file is not valid UTF-8"])
    }

    @Test func duplicateKeysAreFoundWithAllElse() {
        let text = valid(and: "workers: 1\n'workers': 2\nworkers: 3\nlimits: {body: 1MiB, body: 2MiB, bdy: 1}")
        #expect(
            faults(text) == [
                "c.yaml:7:1: key 'workers' appears twice: first on line 6",
                "c.yaml:8:1: key 'workers' appears twice: first on line 6",
                "c.yaml:9:22: key 'body' appears twice: first on line 9",
                "c.yaml:9:34: unknown key 'bdy' in 'limits'; did you mean 'body'?",
            ]
        )
        #expect(faults("&x a: 1\na: 2") == ["c.yaml:1:1: key 'a' appears more than once in this section"])
        // Yams, the YAML parser, reports the position of a random one of these keys. The server's error must always be
        // the same.
        let mixed = "&x a: 1\na: 2\n&y b: 1\nb: 2\n[c]: 1\n[c]: 2"
        for _ in 1...32 {
            let expected = "c.yaml:1:1: a key must be a single word, not a list or a section, and stand once"
            #expect(faults(mixed) == [expected])
        }
    }

    @Test func aTreeOfAliasesIsCutOff() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for i in 1...8 {
            text += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        #expect(
            faults(text) == ["c.yaml:1:1: the file has more than 100000 values, counting what its aliases repeat"]
        )
    }

    @Test func aByteOrderMarkIsSkippedWithAWarning() throws {
        let marked = "\u{FEFF}" + valid(and: "workers: 3")
        let configuration = try read(marked).get()
        #expect(configuration.workers == .count(3))
        #expect(
            configuration.warnings.map(\.description)
                == ["c.yaml:1:1: warning: the file begins with a byte order mark, which is passed over"]
        )
        // As in an editor, positions do not count the byte order mark.
        #expect(
            faults("\u{FEFF}" + valid().replacing("listeners:", with: "listener:")).contains {
                $0.hasPrefix("c.yaml:1:1: unknown key 'listener'")
            }
        )
        let reader = ConfigurationReader(file: "c.yaml") { _ in nil }
        _ = Configuration.load(bytes: [0xFF, 0xFE, 0x61, 0], environment: [:], reader: reader)
        #expect(
            reader.problems.map(\.description)
                == ["c.yaml:1:1: the file begins with a byte order mark of UTF-16: save it as UTF-8"]
        )
    }
}
