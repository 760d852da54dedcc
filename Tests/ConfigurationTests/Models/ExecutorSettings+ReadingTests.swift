// Tests how the configuration of a model's executors is read.
import Testing

@testable import Configuration

@Suite struct ExecutorSettingsReadingTests {
    @Test func executorsAreSpokenToOverTLSAndHTTP2() {
        #expect(faults(valid(executor: ", protocol: h2").replacing("http://e:8000", with: "https://e")) == [])
        #expect(faults(valid(executor: ", protocol: h2")) == [])
        #expect(
            faults(valid(executor: ", tls: {}")) == [
                "c.yaml:5:37: models[].executors[].tls: only for an https:// url"
            ]
        )
    }
}
