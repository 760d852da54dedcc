// Reading `strip_billing` of the whole configuration, of a model and of an executor.

import Testing

@testable import Configuration

@Suite struct BillingSettingsTests {
    @Test func theKeyIsReadAtEachLevel() throws {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            strip_billing: false
            models:
              - id: m
                strip_billing: true
                executors:
                  - {url: "http://e:8000", strip_billing: false}
                  - {url: "http://f:8000"}
              - {id: n, executors: [{url: "http://e:8000"}]}
              - {discover: "http://g:8000", strip_billing: true}
            """
        let configuration = try read(text).get()
        #expect(configuration.stripBilling == false)
        #expect(configuration.models.map(\.stripBilling) == [true, nil])
        #expect(configuration.models[0].executors.map(\.stripBilling) == [false, nil])
        #expect(configuration.discoveries[0].engine.stripBilling == true)
        #expect(try read(valid(and: "commit_after: 10s")).get().stripBilling == nil)
    }

    @Test func anythingElseIsAFault() {
        let found = faults(valid(and: "strip_billing: cch"))
        #expect(found.count == 1 && found[0] == "c.yaml:6:16: strip_billing: 'cch': expected true or false", "\(found)")
        #expect(faults(valid(executor: ", strip_billing: 1")).count == 1)
    }

    @Test func enginesThatGenerateHaveNoUseForTheHeader() {
        let kinds = ExecutorSettings.Kind.allCases.filter(\.stripsBilling)
        #expect(Set(kinds) == [.vllm, .sglang, .llamaCpp, .ollama])
    }
}
