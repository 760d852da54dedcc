// Tests the errors for unknown keys in a section of the configuration file.
import Testing

@testable import Configuration

@Suite struct ConfigurationSectionTests {
    @Test func unknownKeysFarFromAllKnownOnesListThem() {
        #expect(
            faults(valid(and: "log: {zzzzzz: 1}"))
                == ["c.yaml:6:7: unknown key 'zzzzzz' in 'log'; known here: access, engine_errors, file"]
        )
    }

    @Test func aMessageIsOneLineWhateverAKeyHolds() {
        let found = faults(valid() + "\"a\\nb\": 1\n\"a\\nb\": 2\n")
        #expect(found.contains { $0.contains("appears more than once") })
        #expect(found.allSatisfy { !$0.contains("\n") }, "\(found)")
        let expansion = faults("a${SE\n\nRET}: 1\n")
        #expect(!expansion.isEmpty && expansion.allSatisfy { !$0.contains("\n") }, "\(expansion)")
    }
}
