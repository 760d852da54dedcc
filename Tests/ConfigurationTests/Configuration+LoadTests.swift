// Loading a configuration file: its paths, and the forms of YAML that it may have.
import Inference
import Testing

@testable import Configuration

@Suite struct ConfigurationLoadTests {
    @Test func relativePathsBeginAtTheConfiguration() throws {
        let text =
            "listeners: [{address: '127.0.0.1:1', tls: {certificates: [{chain: tls/c.pem, key: /k.pem}]}}]\n"
            + valid().split(separator: "\n").dropFirst().joined(separator: "\n")
        var checked: [String] = []
        let c = try Configuration.load(
            path: "/etc/f/f.yaml",
            environment: [:],
            readFile: { _ in .success(Array(text.utf8)) },
            checkFile: {
                checked.append($0)
                return nil
            }
        ).get()
        #expect(c.listeners[0].tls?.certificates[0].chainPath == "/etc/f/tls/c.pem")
        #expect(checked == ["/etc/f/tls/c.pem", "/k.pem"])
    }

    @Test func sectionsMayBeEmptyAndValuesShared() throws {
        let text = """
            timeouts:
            listeners: [{address: "[::1]:80"}, {address: "unix:/run/f.sock"}, {address: "localhost:0"}]
            models:
              - {id: a, executors: &e [{url: "unix:/run/e.sock"}]}
              - {id: b, executors: *e}
            """
        let c = try read(text).get()
        #expect(c.models[1].executors[0].url.socketPath == "/run/e.sock")
    }
}
