// Cloudflare's header fields are logged only if a trusted peer sends them, and only if their values have valid forms.
import HTTP
import Testing
import Transport

@testable import Edge

@Suite struct CloudflareFieldsTests {
    private func read(
        _ ray: String,
        isPeerTrusted: Bool = true,
        namesClientsInFields: Bool = true
    ) throws -> CloudflareFields? {
        var fields = FieldBlock()
        fields.append(name: "cf-ray", value: ray)
        let peer = try #require(SocketAddress(numeric: "192.0.2.1", port: 443))
        let client = Client(peer: peer, isPeerTrusted: isPeerTrusted)
        return CloudflareFields(fields, from: client, namesClientsInFields: namesClientsInFields)
    }

    @Test func theyAreBelievedFromTrustedPeersOfListenersThatReadFields() throws {
        #expect(try read("8c1-AMS")?.ray == "8c1-AMS")
        #expect(try read("8c1-AMS", namesClientsInFields: false) == nil)
        #expect(try read("8c1-AMS", isPeerTrusted: false) == nil)
    }

    @Test(arguments: ["", "a b", "a\"b", String(repeating: "a", count: 65)])
    func otherTextIsLeftOut(_ ray: String) throws { #expect(try read(ray) == nil) }
}
