// Tests the text that lists all errors of a configuration, one a line.
import Testing

@testable import Configuration

@Suite struct ConfigurationErrorsTests {
    @Test func errorsPrintALineEach() {
        guard case .failure(let errors) = read("{}") else { return #expect(Bool(false)) }
        #expect(
            errors.description == """
                c.yaml:1:1: listeners: missing; expected at least one '- address: HOST:PORT'
                c.yaml:1:1: models: missing; expected at least one '- id: NAME' with its executors
                """
        )
        #expect(faults("") == errors.problems.map(\.description))
    }
}
