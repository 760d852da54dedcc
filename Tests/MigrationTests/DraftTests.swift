import Testing

@testable import Configuration
@testable import Migration

/// The small conversions of an import: weights, prices, times, URLs, names of variables.
@Suite struct DraftTests {
    @Test(arguments: [
        (["0.7", "0.3"], [7, 3]), (["1.0", "0.24", "0.01"], [100, 24, 1]), (["600", "300"], [2, 1]),
        (["0", "0"], [0, 0]),
        (["0", "5"], [0, 1]), (["2e-1", ".4"], [1, 2]), (["3000000", "1"], [1_000_000, 1]),
        (["1_000", "500"], [2, 1]),
    ])
    func weightsKeepTheirProportion(texts: [String], weights: [Int]) {
        #expect(DecimalWeights.whole(texts) == weights)
    }

    @Test(arguments: ["-1", "many", "", "1e70", "99999999999999999999999999"])
    func whatIsNoWeightIsNone(text: String) { #expect(DecimalWeights.whole([text, "1"]) == nil) }

    @Test(arguments: [
        ("0.35", "0.00000035"), ("2", "0.000002"), ("0", "0"), ("0.0", "0"), ("1.40", "0.0000014"),
        ("2e-1", "0.0000002"),
        (".5", "0.0000005"), ("15000000", "15"),
    ])
    func pricesOfAMillionBecomePricesOfOne(million: String, one: String) {
        #expect(TokenPrice.fromMillion(million) == one)
    }

    @Test(arguments: ["free", "", "-1", "$2", "1,5", "0x1", "NaN"])
    func whatIsNoPriceIsNone(text: String) { #expect(TokenPrice.fromMillion(text) == nil) }

    @Test(arguments: [("600", "600s"), ("0.5", "500ms"), ("1.0", "1s"), ("45.5", "45500ms"), ("86400", "86400s")])
    func secondsBecomeDurations(text: String, duration: String) { #expect(SecondsText.duration(text) == duration) }

    @Test(arguments: ["0", "-1", "86401", "soon", "inf"])
    func whatIsNoTimeIsNone(text: String) { #expect(SecondsText.duration(text) == nil) }

    @Test(arguments: [
        ("http://h:1/v1", "http://h:1"), ("http://h:1/v1/", "http://h:1"), ("http://h/api/v1", "http://h/api"),
        ("http://h", "http://h"), ("${U}/v1", "${U}"), ("${U:-http://h/v1}", "${U:-http://h}"), ("${U}", "${U}"),
    ])
    func urlsEndBeforeV1(theirs: String, ours: String) { #expect(ExecutorAddress(theirs).text == ours) }

    @Test func variablesAreNamedAfterModelsOnceEach() {
        var secrets = SecretReferences(used: ["A_API_KEY"])
        #expect(secrets.variable(for: "one", model: "a") == "A_API_KEY_2")
        #expect(secrets.variable(for: "one", model: "b") == "A_API_KEY_2")
        #expect(secrets.variable(for: "two", model: "7b/x-y..z") == "MODEL_7B_X_Y_Z_API_KEY")
        #expect(secrets.variable(for: "three", model: "模型") == "MODEL_API_KEY")
    }

    @Test func referencesAreFoundAndEscapedOnesAreNot() {
        let found = PlaceholderEnvironment.references(in: "a${B}c$${D}${E:-f}")
        #expect(found.map(\.name) == ["B", "E"])
        #expect(found.map { String($0.before) } == ["a", "a${B}c$${D}"])
    }
}
