// Texts of a configuration, and how error messages hide secrets and variables.
import Testing

@testable import Configuration

@Suite struct ConfigurationSectionTextTests {
    /// Error messages show a variable's name instead of its value, because the value may be a secret in the wrong
    /// place.
    @Test func valuesOfVariablesAreShownAsTheirNames() {
        let found = faults(
            valid(executor: ", model: \"${SECRET}\"")
                + "cors: {origins: [\"${SECRET}\"]}\ngather: ${SECRET}\nworkers: ${N}\n",
            environment: ["SECRET": "hunter2-Qj8x", "N": "many"]
        )
        #expect(found.count == 3 && found.allSatisfy { !$0.contains("hunter2") }, "\(found)")
        #expect(found.contains { $0.contains("cors.origins: '${SECRET}'") })
    }

    @Test func secretsAreNeverQuoted() {
        let text = valid(executor: ", api_key: 'sk 123'").replacing("http://e:8000", with: "http://me:pw@e")
        #expect(
            faults(text) == [
                "c.yaml:5:15: models[].executors[].url: the URL must not carry a user or a password: use api_key",
                "c.yaml:5:42: models[].executors[].api_key: must be visible ASCII without spaces",
            ]
        )
        #expect(faults(valid(executor: ", model: \"a\\u0007\""))[0].hasSuffix("must not contain control characters"))
    }
}
