import Configuration
import Foundation
import LoopTesting
import Testing

@testable import Edge

/// Whether a new configuration keeps the store of API keys that is in use, or gets a new one.
@Suite struct AuthenticationSourceTests {
    private let folder = temporaryDirectory()

    private func settings(_ keys: String? = "keys.yaml", required: Bool = true) -> Configuration.Authentication {
        var settings = Configuration.Authentication()
        settings.required = required
        settings.keysPath = keys.map { "\(folder)/\($0)" }
        settings.secretPath = keys.map { _ in "\(folder)/secret" }
        return settings
    }

    private func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    }

    @Test func theSameStoreStaysOpen() throws {
        try write("keys: []", to: "keys.yaml")
        let source = AuthenticationSource()
        let first = try source.prepare(settings())
        #expect(first.isNewStore)
        source.commit(first)
        let second = try source.prepare(settings(required: false))
        #expect(!second.isNewStore && second.authenticator.keys === first.authenticator.keys)
        #expect(first.authenticator.isRequired && !second.authenticator.isRequired)
        #expect(second.authenticator.anonymousUse === first.authenticator.anonymousUse)
        source.discard(second)
    }

    @Test func anotherSecretIsAnotherStore() throws {
        try write("keys: []", to: "keys.yaml")
        let source = AuthenticationSource()
        let first = try source.prepare(settings())
        source.commit(first)
        try write(String(repeating: "z", count: 40), to: "secret")
        let second = try source.prepare(settings())
        #expect(second.isNewStore && second.authenticator.keys !== first.authenticator.keys)
        source.discard(second)
        // The second key store was discarded before it was used, so with the same settings the third is new again.
        let third = try source.prepare(settings())
        #expect(third.isNewStore)
        source.commit(third)
        let none = try source.prepare(settings(nil, required: false))
        #expect(none.isNewStore && none.authenticator.keys == nil)
        source.commit(none)
    }

    @Test func aStoreThatCannotBeReadThrows() {
        #expect(throws: StartError.self) { try AuthenticationSource().prepare(settings("missing.yaml")) }
    }
}
