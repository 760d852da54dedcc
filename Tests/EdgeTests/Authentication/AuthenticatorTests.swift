import HTTP
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

@Suite struct AuthenticatorTests {
    private func fields(_ fields: (String, String)...) -> FieldBlock {
        var block = FieldBlock()
        for (name, value) in fields { block.append(name: name, value: value) }
        return block
    }

    private func access(isRequired: Bool = true) -> Authenticator {
        let access = Authenticator(hash: hash, isRequired: isRequired)
        access.publish([
            AccessKey(id: "good", hash: hash("fi-good".utf8), tenant: "t"),
            AccessKey(id: "old", hash: hash("fi-old".utf8), tenant: "t", expires: 100),
        ])
        return access
    }

    private func name(_ identity: CallerIdentity) -> String {
        switch identity {
        case .key(let entry): entry.key.id
        case .anonymous: "anonymous"
        case .refused: "nobody"
        }
    }

    @Test func aKeyIsReadFromEitherField() {
        let access = access()
        let cases: [(FieldBlock, String)] = [
            (fields(("authorization", "Bearer fi-good")), "good"), (fields(("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "bEARER   fi-good")), "good"),
            (fields(("authorization", "Basic eDp5"), ("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "Bearer fi-bad"), ("x-api-key", "fi-good")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "fi-bad")), "nobody"),
            (fields(("x-api-key", "fi-old"), ("authorization", "Bearer fi-good")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "fi-goodx")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "Bearer fi-good"), ("x-api-key", "")), "good"),
            (fields(("authorization", "Bearer "), ("x-api-key", "fi-good")), "good"),
            (fields(("authorization", "Bearer"), ("x-api-key", "")), "nobody"),
            (fields(("authorization", "fi-good")), "nobody"), (fields(("authorization", "Bearer")), "nobody"),
            (fields(("authorization", "Bearer fi-good x")), "nobody"), (fields(("x-api-key", "")), "nobody"),
            (fields(("authorization", "Bearer fi-good"), ("authorization", "Bearer fi-good")), "nobody"),
            (fields(("x-api-key", String(repeating: "x", count: 30_000))), "nobody"),
            (fields(("authorization", "Bearer fi-old")), "nobody"), (fields(), "nobody"),
        ]
        for (fields, expected) in cases {
            #expect(name(access.identify(fields, hasher: access.makeHasher(), at: 100)) == expected)
        }
        #expect(name(access.identify(fields(("x-api-key", "fi-old")), hasher: access.makeHasher(), at: 99)) == "old")
    }

    @Test func whereNoKeyIsRequiredOneThatIsGivenMustBeGood() {
        let access = access(isRequired: false)
        #expect(name(access.identify(fields(), hasher: access.makeHasher(), at: 0)) == "anonymous")
        #expect(name(access.identify(fields(("x-api-key", "fi-good")), hasher: access.makeHasher(), at: 0)) == "good")
        #expect(name(access.identify(fields(("x-api-key", "fi-bad")), hasher: access.makeHasher(), at: 0)) == "nobody")
    }

    @Test func whereThereAreNoKeysEverybodyIsAnonymous() {
        let access = Authenticator()
        #expect(
            name(access.identify(fields(("authorization", "Bearer none")), hasher: access.makeHasher(), at: 0))
                == "anonymous"
        )
    }

    @Test func whatIsPublishedIsInForce() {
        let access = access()
        access.publish([AccessKey(id: "new", hash: hash("fi-new".utf8), tenant: "t")])
        #expect(name(access.identify(fields(("x-api-key", "fi-good")), hasher: access.makeHasher(), at: 0)) == "nobody")
        #expect(name(access.identify(fields(("x-api-key", "fi-new")), hasher: access.makeHasher(), at: 0)) == "new")
    }

    @Test func whyAKeyIsRefusedIsKnownToTheLog() throws {
        func key(_ id: String) -> AccessKey { AccessKey(id: id, hash: hash("fi-\(id)".utf8), tenant: "t") }
        var (old, gone) = (key("old"), key("gone"))
        old.expires = 5
        gone.isRevoked = true
        let access = Authenticator(hash: hash, isRequired: true)
        access.publish([key("good"), old, gone])
        func refusal(_ pairs: (String, String)...) -> KeyRefusal? {
            var block = FieldBlock()
            for pair in pairs { block.append(name: pair.0, value: pair.1) }
            if case .refused(let refusal) = access.identify(block, hasher: access.makeHasher(), at: 5) {
                return refusal
            }
            return nil
        }
        #expect(refusal() == .missing)
        #expect(refusal(("x-api-key", "fi-other")) == .unknown)
        #expect(refusal(("authorization", "Bearer fi-old")) == .expired("old"))
        #expect(refusal(("authorization", "Bearer fi-gone")) == .revoked("gone"))
        #expect(refusal(("authorization", "Basic eDp5")) == .unreadable)
        #expect(refusal(("x-api-key", "fi-good"), ("x-api-key", "fi-good")) == .unreadable)
        #expect(refusal(("x-api-key", "fi-good")) == nil)
        #expect(KeyRefusal.expired("old").keyID == "old" && KeyRefusal.unknown.keyID == nil)
    }
}
