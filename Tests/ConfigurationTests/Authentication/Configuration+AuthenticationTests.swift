// Which settings require a key file.

import Testing

@testable import Configuration

@Suite struct ConfigurationAuthenticationTests {
    @Test func authenticationIsRequiredWhereOthersCanConnect() {
        let open = valid().replacing("127.0.0.1:8080", with: "0.0.0.0:80")
        let refusal = """
            others can reach 0.0.0.0:80, so authentication.required is true by default: name a file of keys as \
            authentication.keys, or write 'authentication: {required: false}' to serve everyone
            """
        #expect(faults(open) == ["c.yaml:1:12: " + refusal])
        #expect(faults(open + "authentication: {}") == ["c.yaml:6:17: " + refusal])
        #expect(faults(open + "authentication: {required: false}").isEmpty)
        #expect(faults(open + "authentication: {keys: keys.yaml}").isEmpty)
        for local in ["[::1]:80", "127.3.2.1:80", "unix:/run/x", "[::ffff:127.0.0.1]:80"] {
            #expect(faults(valid().replacing("127.0.0.1:8080", with: local)).isEmpty)
        }
    }
}
