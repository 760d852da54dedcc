// The errors of a whole configuration file: all of them at once, in the order of the file.
import Testing

@testable import Configuration

@Suite struct ConfigurationReaderTests {
    @Test func allFaultsAreReportedAtOnceInOrder() {
        let text = """
            listener: []
            listeners:
              - address: 0.0.0.0
              - address: 127.0.0.1:80
                trusted: maybe
              - address: 127.0.0.1:80
            workers: many
            timeouts: {conect: 1s, stall: 10}
            limits: {body: -1}
            models:
              - executors: [{url: "ftp://x"}]
            """
        #expect(
            faults(text) == [
                "c.yaml:1:1: unknown key 'listener'; did you mean 'listeners'?",
                "c.yaml:3:14: listeners[].address: '0.0.0.0': needs a port: HOST:PORT, [v6]:PORT or unix:/PATH",
                "c.yaml:5:14: listeners[].trusted: 'maybe': expected true or false",
                "c.yaml:6:14: listeners[].address: 127.0.0.1:80 is listened on already",
                "c.yaml:7:10: workers: 'many': expected auto or a whole number",
                "c.yaml:8:12: unknown key 'conect' in 'timeouts'; did you mean 'connect'?",
                "c.yaml:8:31: timeouts.stall: '10': expected a whole number with a unit, such as 250ms, 10s, 5m or 1h",
                "c.yaml:9:16: limits.body: '-1': must be between 1KiB and 1GiB",
                "c.yaml:11:5: models[].id: missing; expected the name that clients use",
                "c.yaml:11:23: models[].executors[].url: 'ftp://x': must begin with http://, https:// or unix:/",
            ]
        )
    }
}
