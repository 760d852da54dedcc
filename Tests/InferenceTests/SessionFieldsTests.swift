// Which header fields and JSON members may name a session, and when two requests have the same session.

import HTTP
import Routing
import Testing

@testable import Inference

@Suite struct SessionFieldsTests {
    private let hasher = PromptHasher()
    private let scanner = JSONScanner()

    private func fields(_ names: [String]) -> SessionFields {
        var fields = SessionFields()
        for name in names { #expect(fields.add(name) == nil, "\(name)") }
        return fields
    }

    private func session(
        _ fields: SessionFields,
        _ head: [(String, String)] = [],
        _ body: String = "{\"model\":\"m\"}",
        tenant: String = "t"
    ) throws -> SessionName? {
        var block = FieldBlock()
        for (name, value) in head { block.append(name: name, value: value) }
        let request = RequestBody(body)
        let scan = try scanner.scanRequest(request, naming: fields.members)
        return fields.session(of: block, request, scan, tenant: tenant, hasher: hasher)
    }

    @Test func theFirstFieldOfTheListCounts() throws {
        let fields = fields(["x-a", "body.b", "body.c.d", "x-session-id"])
        let body = #"{"model":"m","b":"2","c":{"x":1,"d":"3"}}"#
        let all = try session(fields, [("x-session-id", "4"), ("X-A", "1")], body)
        let header = try session(fields, [("x-a", "1")])
        #expect(all != nil && all == header)
        let second = try session(fields, [("x-session-id", "4"), ("x-a", "")], body)
        let member = try session(fields, [], #"{"b":"2","model":"n"}"#)
        #expect(second != nil && second == member && second != all)
        let third = try session(fields, [], #"{"model":"m","b":null,"c":{"d":"3"}}"#)
        let inner = try session(fields, [], #"{"c": {"d":"3"}, "model":"m"}"#)
        #expect(third != nil && third == inner)
        #expect(try session(fields, [], #"{"model":"m","b":"","c":{"d":""}}"#) == nil)
        #expect(try session(fields, [], #"{"model":"m","b":1,"c":"d","d":"3"}"#) == nil)
    }

    /// Names with capitals, long names and names that the client has written with escapes are found; case counts.
    @Test func membersAreFoundByTheirExactNames() throws {
        let long = String(repeating: "a", count: MemberNames.lengthMax)
        let fields = fields(["body.sessionId", "body.Extra.threadId", "body." + long])
        let name = try session(fields, [], #"{"model":"m","sessionId":"1"}"#)
        #expect(try name != nil && session(fields, [], #"{"model":"m","sessi\u006FnId":"1"}"#) == name)
        for body in [
            #"{"Extra":{"threadId":"1"},"model":"m"}"#,
            #"{"model":"m","Extra":{"x":{},"thread\u0049d":"1"}}"#, "{\"model\":\"m\",\"\(long)\":\"1\"}",
        ] {
            #expect(try session(fields, [], body) != nil, "\(body)")
        }
        for body in [
            #"{"model":"m","sessionid":"1","SESSIONID":"1","sessionI":"1","sessionIds":"1","sessionId\u0000":"1"}"#,
            #"{"model":"m","":"1","session\u00e9d":"1","sessionIé":"1","session\ud83d\ude00":"1","sessi💬":"1"}"#,
            #"{"model":"m","Extra.threadId":"1","Extra":{"":"1"},"Ext":{"threadId":"1"},"Extras":{"threadId":"1"}}"#,
            #"{"model":"m","extra":{"threadId":"1"},"Extra":{"threadid":"1","threadId ":"1"}}"#,
            #"{"model":"m","Extra.x":{"threadId":"1"}}"#,
            "{\"model\":\"m\",\"\(long)a\":\"1\",\"\(long.dropLast())\":\"1\"}",
        ] {
            #expect(try session(fields, [], body) == nil, "\(body)")
        }
    }

    @Test func tenantsAndProcessesDiffer() throws {
        let fields = SessionFields.standard
        let name = try session(fields, [("x-session-id", "s")])
        #expect(try session(fields, [("x-session-id", "s")]) == name)
        #expect(try session(fields, [("x-session-id", "s")], tenant: "u") != name)
        #expect(try session(fields, [("x-session-id", "r")]) != name)
        let other = PromptHasher()
        #expect(other.hash([1, 2], salt: "t") != hasher.hash([1, 2], salt: "t"))
    }

    /// The member `user` may name a user and not a session, so its session name is marked with the hash of the tenant.
    @Test func aUserIsMarked() throws {
        let fields = SessionFields.standard
        let one = try session(fields, [], #"{"model":"m","user":"u1"}"#)
        let two = try session(fields, [], #"{"model":"m","user":"u2"}"#)
        #expect(one?.tenantOfUser != nil && one?.tenantOfUser == two?.tenantOfUser && one?.hash != two?.hash)
        #expect(try session(fields, [], #"{"model":"m","user":"u1"}"#, tenant: "u")?.tenantOfUser != one?.tenantOfUser)
        for body in [#"{"model":"m","prompt_cache_key":"u1"}"#, #"{"model":"m","metadata":{"user_id":"u1"}}"#] {
            let name = try session(fields, [], body)
            #expect(name != nil && name?.tenantOfUser == nil)
        }
    }

    /// If a JSON member occurs twice, its first value counts; so it is with a member of a nested object.
    @Test func aNameThatOccursTwiceIsNoFault() throws {
        let fields = fields(["body.a", "body.m.b"])
        let first = try session(fields, [], #"{"model":"m","a":"1","a":"2"}"#)
        let once = try session(fields, [], #"{"model":"m","a":"1"}"#)
        #expect(first != nil && first == once)
        let inner = try session(fields, [], #"{"model":"m","m":{"b":"1","b":"2"},"m":{"b":"3"}}"#)
        let innerOnce = try session(fields, [], #"{"model":"m","m":{"b":"1"}}"#)
        #expect(inner != nil && inner == innerOnce)
    }

    @Test(arguments: [
        "", "a b", "body.", "body.a.b.c", "body..a", "body.a.", "body.\u{e9}", "authorization", "Cookie", "x-api-key",
        "body." + String(repeating: "a", count: 65),
    ]) func otherNamesAreFaults(name: String) {
        var fields = SessionFields()
        #expect(fields.add(name) != nil && fields == SessionFields())
    }

    @Test func thereAreNotTooMany() {
        var headers = fields((0..<SessionFields.countMax).map { "x-\($0)" })
        #expect(headers.add("x-more")?.contains("16") == true)
        var members = fields((0..<MemberNames.countMax).map { "body.m\($0)" })
        #expect(members.add("body.more")?.contains("8") == true)
    }

    /// A session may be named by a member that the scan reads for another purpose, too, such as `model`.
    ///
    /// The scan still reads all members as usual.
    @Test func theScanReadsTheRestAsBefore() throws {
        let fields = fields(["body.model", "body.messages", "body.extra", "body.cache_salt", "body.stream_options.a"])
        let body = RequestBody(
            #"""
            {"model":"m","stream":true,"messages":[],"extra":"e","max_tokens":7,"cache_salt":"salt",
            "stream_options":{"a":"x","include_usage":true}}
            """#
        )
        let scan = try scanner.scanRequest(body, naming: fields.members)
        #expect(scan.model == "m" && scan.stream && scan.maxTokens == 7)
        #expect(scan.named.map(\.count) == [3, 0, 3, 6, 0], "the object that the scan itself reads is not searched")
        #expect(throws: RequestScanError.self) {
            try scanner.scanRequest(RequestBody(#"{"model":"m","extra":{"a":}"#), naming: fields.members)
        }
    }
}
