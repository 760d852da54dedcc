// Entries of `models` with `discover`, which name an engine instead of a model.

import Testing

@testable import Configuration

@Suite struct DiscoverySettingsTests {
    private static let head = "listeners: [{address: '127.0.0.1:1'}]\nmodels:\n"

    @Test func anEngineAloneIsAConfiguration() throws {
        let configuration = try read(Self.head + "- discover: http://e:8000/base").get()
        #expect(configuration.models == [] && configuration.discoveries.count == 1)
        let discovery = configuration.discoveries[0]
        #expect(
            discovery
                == DiscoverySettings(engine: ExecutorSettings(url: try ExecutorURL.parse("http://e:8000/base").get()))
        )
        #expect(!discovery.joins)
    }

    @Test func importedFilesMayHaveThem() throws {
        let text = Self.head + "- import: b.yaml\n- discover: http://two\n"
        let configuration = try read(text, imports: ["b.yaml": "- discover: http://one\n"]).get()
        #expect(configuration.discoveries.map(\.engine.url.host) == ["one", "two"])
    }

    @Test func everyErrorHasItsPlace() {
        let text =
            Self.head + "- {discover: 'ftp://x'}\n- {discover: 'http://e/v1/models'}\n"
            + "- {discover: 'http://a', id: x, fallbacks: [b], executors: []}\n- {discover: 'http://a'}\n"
            + "- {discover: 'http://127.0.0.1:1'}\n- {discover: 'http://b', weight: 0}\n"
            + "- {discover: 'http://c', tls: {ca: x}}\n- {discover: 'http://d', jion: true, join: 1}\n"
            + "- {id: m, executors: [{url: 'http://f', kind: vllm}], fallbacks: [listed]}\n"
            + "- {discover: 'http://f', kind: sglang}\n- {discover: }\n"
        let found = faults(text)
        for (place, words) in [
            ("3:14", "must begin with http"), ("4:14", "names an endpoint"),
            ("5:30", "an entry with 'discover' has none"),
            ("5:44", "models[].fallbacks: an entry"), ("5:60", "models[].executors: an entry"),
            ("6:14", "http://a:80 is discovered already"), ("7:14", "own listener"), ("8:34", "must be between 1 and"),
            ("9:31", "only for an https:// url"), ("10:26", "did you mean 'join'?"),
            ("10:44", "expected true or false"),
            ("11:67", "is not the id of a model here"), ("12:32", "'sglang' contradicts 'vllm'"),
            ("13:", "models[].discover: expected"),
        ] {
            let isFound = found.contains { $0.hasPrefix("c.yaml:\(place)") && $0.contains(words) }
            #expect(isFound, "\(place) \(words) is not among\n\(found.joined(separator: "\n"))")
        }
    }
}
