// Tests how a file that lists executors is read: first with the configuration, and again while the server runs.

import Testing

@testable import Configuration

@Suite struct ExecutorFileTests {
    private static let head = "listeners: [{address: '127.0.0.1:1'}]\nmodels:\n"

    @Test func theListIsReadWithTheConfiguration() throws {
        let files = [
            "/etc/f/c.yaml": Self.head + "- {id: a, executors_from: lists/a.yaml}\n"
                + "- {id: b, executors: [{url: 'http://own'}], executors_from: {file: /b.yaml, allow_empty: true}}\n",
            "/etc/f/lists/a.yaml": "- {url: 'http://one', weight: 2, api_key: '${KEY}'}\n- url: http://two\n",
            "/b.yaml": "",
        ]
        let configuration = try Configuration.load(
            path: "/etc/f/c.yaml",
            environment: ["KEY": "secret-key"],
            readFile: { files[$0].map { .success(Array($0.utf8)) } ?? .failure(FileProblem("No such file")) },
            checkFile: { _ in nil }
        ).get()
        let list = try #require(configuration.listedExecutors["/etc/f/lists/a.yaml"])
        #expect(list.map(\.url.host) == ["one", "two"] && list[0].weight == 2 && list[0].apiKey == "secret-key")
        #expect(configuration.listedExecutors["/b.yaml"] == [])
        #expect(configuration.models.map { $0.executors.count } == [0, 1])
        #expect(
            configuration.models.map(\.executorFile) == [
                ExecutorFile(path: "/etc/f/lists/a.yaml"), ExecutorFile(path: "/b.yaml", allowsEmpty: true),
            ]
        )
    }

    @Test func everyErrorHasItsPlace() {
        let text =
            Self.head + "- {id: a, executors_from: gone.yaml}\n- {id: b, executors_from: empty.yaml}\n"
            + "- {id: c, executors_from: map.yaml}\n- {id: d, executors_from: bad.yaml}\n"
            + "- {id: e, executors: [{url: 'http://x'}], executors_from: same.yaml}\n"
            + "- {id: f, executors_from: {}}\n- {id: g, executors: [], executors_from: good.yaml}\n"
            + "- {id: h, executors: [{url: 'http://y', weight: 0}], executors_from: zero.yaml}\n"
            + "- {id: i, executors_from: [1]}\n- {id: j, executors_from: own.yaml}\n"
        let imports = [
            "empty.yaml": "", "map.yaml": "executors: []\n", "bad.yaml": "- {url: 'ftp://x'}\n- {uri: x}\n- 7\n",
            "same.yaml": "- url: http://x\n", "good.yaml": "- url: http://z\n",
            "zero.yaml": "- {url: 'http://z', weight: 0}\n", "own.yaml": "- url: http://127.0.0.1:1\n",
        ]
        let found = faults(text, imports: imports)
        let expected = [
            "c.yaml:3:27: models[].executors_from: cannot read gone.yaml: No such file",
            "c.yaml:8:27: models[].executors_from.file: missing; expected the path of a file",
            "c.yaml:9:22: models[].executors: is empty; expected at least one '- url: http://HOST:PORT'",
            "c.yaml:10:22: models[].executors: all weights are 0, so that no executor would be chosen",
            "empty.yaml:1:1: lists no executor; `allow_empty: true` beside `file` allows that",
            "map.yaml:1:1: expected a list of executors: '- url: http://HOST:PORT'",
            "same.yaml:1:8: models[].executors[].url: http://x:80 is an executor of this model already",
        ]
        for line in expected { #expect(found.contains(line), "\(line) is not among \(found.joined(separator: "\n"))") }
        #expect(found.contains { $0.hasPrefix("bad.yaml:1:9: ") } && found.contains { $0.hasPrefix("bad.yaml:2:") })
        #expect(found.contains { $0.hasPrefix("bad.yaml:3:3: models[].executors[]: expected a section") })
        #expect(found.contains { $0.hasPrefix("own.yaml:1:8: ") && $0.contains("own listener") })
        #expect(found.contains { $0.hasPrefix("c.yaml:11:") })
    }

    // MARK: While the server runs

    private func reread(
        _ text: String,
        _ models: String = "- {id: a, executors_from: {file: l.yaml, allow_empty: true}}"
    ) throws -> Result<[ExecutorSettings], ConfigurationErrors> {
        let configuration = try read(Self.head + models, imports: ["l.yaml": "[{url: 'http://first'}]"]).get()
        return try #require(configuration.models[0].executorFile).read(
            Array(text.utf8),
            for: configuration,
            environment: ["HOST": "expanded"],
            readFile: { _ in .failure(FileProblem("No such file")) },
            checkFile: { _ in nil },
            inspection: .none
        )
    }

    private func problem(_ text: String, _ models: String? = nil) throws -> String {
        let result = if let models { try reread(text, models) } else { try reread(text) }
        guard case .failure(let errors) = result else { return "" }
        return errors.description
    }

    @Test func itIsReadAgain() throws {
        #expect(try reread("- url: http://${HOST}\n- url: http://b\n").get().map(\.url.host) == ["expanded", "b"])
        #expect(try reread("").get() == [])
        #expect(try reread("# nothing\n").get() == [])
        let strict = "- {id: a, executors_from: l.yaml}"
        #expect(try problem("[]", strict).contains("lists no executor"))
    }

    @Test func whatCannotBeUsedIsAProblem() throws {
        #expect(try problem("- url: http://x\n- url: htt").contains("l.yaml:2:8: models[].executors[].url: 'htt'"))
        #expect(try problem("- {url: 'http://x'}\n- {url: 'http://x'}").contains("already"))
        #expect(try problem("- url: [").contains("not valid YAML"))
        #expect(try problem("url: http://x").contains("expected a list of executors"))
        #expect(try problem("- {url: 'http://x', weight: 0}").contains("all weights are 0"))
        #expect(try problem("- {url: 'http://127.0.0.1:1'}").contains("own listener"))
        let beside = "- {id: a, executors: [{url: 'http://own'}], executors_from: l.yaml}"
        #expect(try problem("- {url: 'http://x', weight: 0}", beside) == "")
    }

    @Test func aListHasBounds() throws {
        let entries = (0..<100_000).map { "- url: http://h\($0)\n" }.joined()
        #expect(try problem(entries).contains("is larger than 1024 KiB"))
        let many = (0..<1001).map { "- url: http://h\($0)\n" }.joined()
        #expect(try problem(many).contains("lists 1001 executors, more than 1000"))
        let most = (0..<1000).map { "- url: http://h\($0)\n" }.joined()
        #expect(try reread(most).get().count == 1000)
    }
}
