import HTTP
import Testing

@testable import Edge

@Suite struct CrossOriginTests {
    private func head(_ method: HTTP.Method, _ fields: [(String, String)]) -> RequestHead {
        var block = FieldBlock()
        for (name, value) in fields { block.append(name: name, value: value) }
        return RequestHead(
            method: method,
            target: Array("/v1/models".utf8),
            authority: Array("h".utf8),
            version: .http11,
            fields: block,
            body: .none
        )
    }
    private func granted(_ origins: [String], to origin: String?) -> CrossOriginGrant? {
        CrossOriginPolicy(origins: origins)?.grant(head(.get, origin.map { [("origin", $0)] } ?? []).fields)
    }

    @Test func originsAreComparedAsBrowsersWriteThem() {
        let list = ["https://Chat.Example.org:443", "http://localhost:3000", "http://plain:80"]
        #expect(granted(list, to: "https://chat.example.org") == .given("https://chat.example.org"))
        #expect(granted(list, to: "http://localhost:3000") == .given("http://localhost:3000"))
        #expect(granted(list, to: "http://plain") == .given("http://plain"))
        for other in [
            "http://chat.example.org", "https://chat.example.org:8443", "https://chat.example.org.evil.example", "null",
            "http://localhost", "",
        ] { #expect(granted(list, to: other) == .varies) }
        #expect(granted(list, to: nil) == .varies)
    }

    @Test func aStarIsEveryOriginAndAnEmptyListNoPolicy() {
        #expect(granted(["https://a", "*"], to: "https://b") == .given("*"))
        #expect(granted(["*"], to: "null") == .given("*"))
        #expect(granted(["*"], to: nil) == .varies)
        #expect(CrossOriginPolicy(origins: []) == nil)
    }

    private func preflight(_ fields: [(String, String)], method: HTTP.Method = .options) -> FieldBlock? {
        let head = head(method, fields)
        return Preflight(head, grant: CrossOriginPolicy(origins: ["https://a"])?.grant(head.fields))?.fields
    }

    @Test func preflightsAreTold() {
        let asked = [
            ("origin", "https://a"), ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,x-stainless-os"),
        ]
        let answer = preflight(asked)
        #expect(answer?.string(named: "access-control-allow-origin") == "https://a")
        #expect(answer?.string(named: "access-control-allow-headers") == "authorization,x-stainless-os")
        #expect(answer?.string(named: "access-control-allow-credentials") == nil)
        #expect(preflight(asked, method: .post) == nil)
        #expect(preflight([asked[0]]) == nil)
        #expect(preflight([("origin", "https://b"), asked[1]]) == nil)
    }

    @Test func listsOfFieldsThatAreOddAreNotRepeated() {
        for odd in ["", "a\tb", "x(y)", String(repeating: "a", count: 1025)] {
            let answer = preflight([
                ("origin", "https://a"), ("access-control-request-method", "POST"),
                ("access-control-request-headers", odd),
            ])
            #expect(answer?.string(named: "access-control-allow-headers") == Preflight.usualFields)
        }
    }
}
