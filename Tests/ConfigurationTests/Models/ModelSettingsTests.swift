// Reading models: names, aliases and fallbacks of all models together, and their executors.

import Testing

@testable import Configuration

@Suite struct ModelSettingsTests {
    @Test func modelsAreChecked() {
        let text = """
            listeners: [{address: "127.0.0.1:80"}]
            models:
              - {id: a, aliases: [b, x], executors: [{url: "http://e"}], fallbacks: [a, zz]}
              - {id: b, aliases: [x], executors: [{url: "http://e", weight: 0}]}
              - {id: a, executors: []}
              - {id: c}
              - import: more.yaml
              - {id: d, executors: [{url: "http://e"}, {url: "HTTP://e"}, {url: "http://E:80/", wieght: 1}]}
              - {id: "", balance: best, executors: [{weight: -1}]}
            """
        #expect(
            faults(text) == [
                "c.yaml:3:23: models[].aliases[]: 'b' shadows the model on line 4",
                "c.yaml:3:74: models[].fallbacks[]: a model cannot be its own fallback",
                "c.yaml:3:77: models[].fallbacks[]: 'zz' is not the id of a model here",
                "c.yaml:4:23: models[].aliases[]: 'x' is an alias on line 3",
                "c.yaml:4:38: models[].executors: all weights are 0, so that no executor would be chosen",
                "c.yaml:5:10: models[].id: 'a' is the id of a model on line 3",
                "c.yaml:5:24: models[].executors: is empty; expected at least one '- url: http://HOST:PORT'",
                "c.yaml:6:5: models[].executors: missing; expected at least one '- url: http://HOST:PORT'",
                "c.yaml:7:13: models[].import: cannot read more.yaml: No such file",
                "c.yaml:8:50: models[].executors[].url: 'HTTP://e': must begin with http://, https:// or unix:/",
                "c.yaml:8:69: models[].executors[].url: http://e:80 is an executor of this model already",
                "c.yaml:8:85: unknown key 'wieght' in 'models[].executors[]'; did you mean 'weight'?",
                "c.yaml:9:10: models[].id: is empty; expected the name that clients use",
                "c.yaml:9:23: models[].balance: 'best': expected one of auto, least-load, prefix, round-robin, weighted",
                "c.yaml:9:41: models[].executors[].url: missing; expected http://HOST:PORT, https://HOST or unix:/PATH",
                "c.yaml:9:50: models[].executors[].weight: '-1': must be between 0 and 1000000",
            ]
        )
    }
}
