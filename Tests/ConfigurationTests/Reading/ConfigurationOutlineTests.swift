import Testing

@testable import Configuration

/// Tests the list that describes how one configuration differs from another.
@Suite struct ConfigurationOutlineTests {
    private static let head = "listeners: [{address: '127.0.0.1:8080'}]\n"

    private func read(_ text: String, environment: [String: String] = [:]) throws -> Configuration {
        try Configuration.load(
            path: "c.yaml",
            environment: environment,
            readFile: { path in
                switch path {
                case "more.yaml": .success(Array("- {id: imported, executors: [{url: 'http://i', weight: 3}]}".utf8))
                case "secret": .success(Array("file-secret\n".utf8))
                default: .success(Array(text.utf8))
                }
            },
            checkFile: { _ in nil }
        ).get()
    }

    private func changes(_ old: String, _ new: String, environment: [String: String] = [:]) throws -> [String] {
        let (old, new) = (Self.head + old, Self.head + new)
        return try read(old, environment: environment).outline
            .changes(to: try read(new, environment: environment).outline)
    }

    @Test func nothingIsDifferentInAnotherOrder() throws {
        let found = try changes(
            "models: [{id: a, executors: [{url: 'http://e1'}, {url: 'http://e2'}]}, {id: b, executors: [{url: 'http://e1'}]}]",
            "models: [{id: b, executors: [{url: 'http://e1'}]}, {id: a, executors: [{url: 'http://e2'}, {url: 'http://e1'}]}]"
        )
        #expect(found == [])
    }

    @Test func valuesAreNamedByTheirPaths() throws {
        let found = try changes(
            "models: [{id: a, executors: [{url: 'http://e', weight: 1}]}]\nlimits: {body: 1MiB}",
            "models: [{id: a, executors: [{url: 'http://e', weight: 5}]}]\nkeep_alive: 3s"
        )
        #expect(
            found == [
                "limits.body: 1MiB -> the default", "models[a].executors[http://e].weight: 1 -> 5",
                "keep_alive: the default -> 3s",
            ]
        )
    }

    @Test func whatComesAndGoesAsAWholeHasOneLine() throws {
        let found = try changes(
            "models: [{id: a, executors: [{url: 'http://e'}, {url: 'http://f', weight: 2}]}, {id: b, executors: [{url: 'http://e'}]}]",
            "models: [{id: a, executors: [{url: 'http://e'}]}, {id: c, aliases: [x, y], executors: [{url: 'http://e'}]}]"
        )
        #expect(found == ["models[a].executors[http://f]: removed", "models[b]: removed", "models[c]: added"])
    }

    @Test func importedModelsBelongToIt() throws {
        let found = try changes(
            "models: [{id: a, executors: [{url: 'http://e'}]}]",
            "models: [{id: a, executors: [{url: 'http://e'}]}, {import: more.yaml}]"
        )
        #expect(found == ["models[more.yaml]: added", "models[imported]: added"])
    }

    /// The description of a change does not contain API keys of executors, nor values from the environment or a file.
    @Test func secretsAreNotShown() throws {
        let model = { (key: String) in "models: [{id: a, executors: [{url: 'http://e', api_key: '\(key)'}]}]" }
        let environment = ["OLD": "environment-old", "NEW": "environment-new"]
        for (old, new) in [("plain-old", "plain-new"), ("${OLD}", "${NEW}"), ("${OLD}", "${file:secret}")] {
            let found = try changes(model(old), model(new), environment: environment)
            #expect(found == ["models[a].executors[http://e].api_key: changed"])
        }
        let hosts = { (name: String) in "models: [{id: a, executors: [{url: 'http://${\(name)}'}]}]" }
        let found = try changes(hosts("OLD"), hosts("NEW"), environment: environment)
        #expect(found.allSatisfy { !$0.contains("environment-") } && !found.isEmpty, "\(found)")
        let origins = { (name: String) in "\(model("x"))\ncors: {origins: ['https://${\(name)}']}" }
        let list = try changes(origins("OLD"), origins("NEW"), environment: environment)
        #expect(list == ["cors.origins: changed"])
    }

    @Test func theVariablesOfAFileAreKnown() throws {
        let text = Self.head + "models: [{id: a, executors: [{url: 'http://${B}', api_key: '${A:-x}${file:secret}'}]}]"
        let configuration = try read(text, environment: ["B": "e"])
        #expect(configuration.variables == ["A", "B"])
        #expect(configuration.models[0].executors[0].apiKey == "xfile-secret")
    }
}
