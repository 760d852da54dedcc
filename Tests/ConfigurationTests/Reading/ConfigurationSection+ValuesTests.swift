// Numbers, durations, sizes and choices that are not valid.
import Testing

@testable import Configuration

@Suite struct ConfigurationSectionValuesTests {
    @Test(arguments: [
        ("drain_timeout: 2h", "6:16: drain_timeout: '2h': must be between 0s and 1h"),
        (
            "drain_timeout: [1s]",
            "6:16: drain_timeout: expected a whole number with a unit, such as 250ms, 10s, 5m or 1h, found a list"
        ),
        (
            "drain_timeout:",
            "6:15: drain_timeout: expected a whole number with a unit, such as 250ms, 10s, 5m or 1h, found nothing"
        ),
        ("workers: 0", "6:10: workers: '0': must be between 1 and 1024"),
        ("workers: {}", "6:10: workers: expected auto or a whole number, found a section"),
        ("gather: 1s", "6:9: gather: '1s': must be between 10us and 10ms"),
        (
            "gather: on",
            "6:9: gather: 'on': expected auto, off, or a whole number with a unit, such as 250ms, 10s, 5m or 1h"
        ),
        ("memory_limit: 64MB", "6:15: memory_limit: '64MB': expected a size such as 64MiB, 256KiB or plain bytes"),
        (
            "memory_limit: 9999999999GiB",
            "6:15: memory_limit: '9999999999GiB': expected a size such as 64MiB, 256KiB or plain bytes"
        ),
        ("max_connections: -5", "6:18: max_connections: '-5': must be between 1 and 1000000"),
        ("log: 5", "6:6: log: expected a section of keys, found a single value"),
        ("limits: {header_count: 0x10}", "6:24: limits.header_count: '0x10': expected a whole number"),
        ("admin: {address: 127.0.0.1:8080}", "6:18: admin.address: 127.0.0.1:8080 is a listener's address already"),
        ("admission: {max_wait: 10s}", "6:23: admission.max_wait: 10s is not below commit_after (10s)"),
        ("memory_limit: 16MiB\nlimits: {body: 1GiB}", "7:16: limits.body: is above memory_limit (16MiB)"),
        (
            "cors: {origins: [\"example.org\"]}",
            "6:18: cors.origins: 'example.org': expected '*' or SCHEME://HOST[:PORT]"
        ),
        (
            "cors: {origins: x}",
            "6:17: cors.origins: expected a list: origins such as https://chat.example.org, found a single value"
        ),
        ("drain_timeout: ${NONE}", "6:16: environment variable NONE is not set; ${NONE:-default} gives it a default"),
        ("drain_timeout: ${A", "6:16: '${' has no closing brace; '$${' stands for the characters"),
        ("drain_timeout: ${A:x}", "6:16: '${A:x}' is neither ${VAR}, ${VAR:-default} nor ${file:PATH}"),
        (
            "drain_timeout: ${SECRET}",
            "6:16: drain_timeout: '${SECRET}' once expanded: expected a whole number with a unit, such as 250ms, 10s, 5m or 1h"
        ),
        (
            "authentication: {required: true}",
            "6:28: authentication.required: true needs authentication.keys, a file of keys; or write 'authentication: {required: false}' to serve everyone"
        ),
        (
            "authentication: {keys: gone.yaml}",
            "6:24: authentication.keys: cannot read gone.yaml: No such file or directory"
        ),
    ])
    func aWrongValueIsReportedAtItsPosition(lines: String, fault: String) {
        let found = faults(valid(and: lines), environment: ["SECRET": "hunter2"], missing: ["gone.yaml"])
        #expect(found == ["c.yaml:" + fault])
    }
}
