// Which header fields an executor gets, by the settings of the configuration, its model and its own.

import Testing

@testable import Edge

@Suite struct ForwardedFieldsTests {
    @Test func theSettingsOfAllLevelsAddUp() throws {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            forward_fields: [HTTP-Referer, x-title]
            forward_user_agent: false
            models:
              - id: m
                forward_fields: [x-openrouter-*]
                executors:
                  - {url: "http://e:8000", forward_fields: [x-priority-class], forward_user_agent: true}
                  - {url: "http://f:8000"}
            """
        let targets = Registry().resolve(try configuration(text)).models[0].targets
        #expect(targets.map(\.forwarded.hasUserAgent) == [true, false])
        let all = ["http-referer", "x-title", "x-openrouter-a", "x-priority-class"]
        #expect(
            targets.map { target in all.map { target.forwarded.names(Array($0.utf8)[...]) } } == [
                [true, true, true, true], [true, true, true, false],
            ]
        )
    }
}
