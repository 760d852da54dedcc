// Models in imported files: they are read in order, and every error has its position in its own file.

import Testing

@testable import Configuration

@Suite struct ConfigurationSectionImportTests {
    private static let head = "listeners: [{address: '127.0.0.1:1'}]\nmodels:\n"
    private static func model(_ id: String) -> String { "- {id: \(id), executors: [{url: 'http://e'}]}\n" }

    @Test func modelsComeInTheOrderOfTheFiles() throws {
        let text = Self.head + Self.model("a") + "- import: more/b.yaml\n" + Self.model("d")
        var checked: [String] = []
        let files = [
            "/etc/f/c.yaml": text,
            "/etc/f/more/b.yaml":
                "- {id: b, fallbacks: [d], executors: [{url: '${URL}', tls: {ca: ca.pem}}]}\n- import: c.yaml\n",
            "/etc/f/more/c.yaml": Self.model("c"),
        ]
        let c = try Configuration.load(
            path: "/etc/f/c.yaml",
            environment: ["URL": "https://h"],
            readFile: { files[$0].map { .success(Array($0.utf8)) } ?? .failure(FileProblem("No such file")) },
            checkFile: {
                checked.append($0)
                return nil
            }
        ).get()
        #expect(c.models.map(\.id) == ["a", "b", "c", "d"])
        #expect(c.models[1].executors[0].url.host == "h")
        // A path in an imported file is relative to that file.
        #expect(checked == ["/etc/f/more/ca.pem"])
    }

    @Test func everyErrorHasItsPositionInItsOwnFile() {
        let text =
            Self.head + "- import: b.yaml\n- import: missing.yaml\n- {import: b.yaml, id: x}\n- import: c.yaml\n"
            + Self.model("a") + "- import: text.yaml\n- import: empty.yaml\n- import: broken.yaml\n- import: []\n"
        let imports = [
            "b.yaml":
                "- id: a\n  executors: [{url: 'ftp://x'}]\n- id: e\n  contxt_length: 1\n- 7\n- {id: f, aliases: [a]}\n",
            "text.yaml": "models: []\n", "empty.yaml": "", "broken.yaml": "- [\n",
        ]
        #expect(
            faults(text, imports: imports) == [
                "c.yaml:4:11: models[].import: cannot read missing.yaml: No such file",
                "c.yaml:5:12: models[].import: b.yaml is imported already, or imports itself",
                "c.yaml:5:20: key 'id' beside 'import': an entry that imports has no other key",
                "c.yaml:6:11: models[].import: c.yaml is imported already, or imports itself",
                "c.yaml:7:8: models[].id: 'a' is the id of a model at b.yaml:1",
                "c.yaml:11:11: models[].import: expected the path of a file with a list of models, found a list",
                "b.yaml:2:21: models[].executors[].url: 'ftp://x': must begin with http://, https:// or unix:/",
                "b.yaml:3:3: models[].executors: missing; expected at least one '- url: http://HOST:PORT'",
                "b.yaml:4:3: unknown key 'contxt_length' in 'models[]'; did you mean 'context_length'?",
                "b.yaml:5:3: models[]: expected a section of keys, found a single value",
                "b.yaml:6:3: models[].executors: missing; expected at least one '- url: http://HOST:PORT'",
                "b.yaml:6:21: models[].aliases[]: 'a' shadows the model on line 1",
                "text.yaml:1:1: expected a list of models: '- id: NAME' with its executors",
                "empty.yaml:1:1: expected a list of models: '- id: NAME' with its executors",
                "broken.yaml:2:1: not valid YAML: while parsing a flow node: did not find expected node content",
            ]
        )
    }

    @Test func filesThatImportEachOtherEnd() {
        let circle = ["b.yaml": "- import: d.yaml\n", "d.yaml": "- import: b.yaml\n"]
        #expect(
            faults(Self.head + "- import: b.yaml\n", imports: circle)
                == ["d.yaml:1:11: models[].import: b.yaml is imported already, or imports itself"]
        )
        // Each file imports the same file under a different name.
        var names: [String: String] = [:]
        for depth in 0..<20 { names[String(repeating: "./", count: depth) + "b.yaml"] = "- import: ./b.yaml\n" }
        let deep = "./././././././b.yaml"
        #expect(
            faults(Self.head + "- import: b.yaml\n", imports: names)
                == ["\(deep):1:11: models[].import: files import each other more than 8 deep"]
        )
    }

    @Test func aPatternStandsForItsFiles() throws {
        let text = Self.head + "- import: sites/*.yaml\n- import: more/\n- import: none/*.yaml\n" + Self.model("z")
        let matching = ["sites/*.yaml": ["sites/a.yaml", "sites/b.yaml"], "more/": ["more/c.yml"], "none/*.yaml": []]
        let imports = [
            "sites/a.yaml": Self.model("a"), "sites/b.yaml": Self.model("b"), "more/c.yml": Self.model("c"),
        ]
        let configuration = try read(text, imports: imports, matching: matching).get()
        #expect(configuration.models.map(\.id) == ["a", "b", "c", "z"])
        #expect(
            configuration.warnings.map(\.description) == [
                "c.yaml:5:11: warning: models[].import: no file matches none/*.yaml"
            ]
        )
    }

    @Test func aFileThatTwoPatternsMatchIsAnError() {
        let text = Self.head + "- import: '*.yaml'\n- import: 'a*'\n"
        let found = faults(
            text,
            imports: ["a.yaml": Self.model("a")],
            matching: ["*.yaml": ["a.yaml", "c.yaml"], "a*": ["a.yaml"]]
        )
        #expect(
            found == [
                "c.yaml:3:11: models[].import: c.yaml is imported already, or imports itself",
                "c.yaml:4:11: models[].import: a.yaml is imported already, or imports itself",
            ]
        )
    }
}
