// Reads the settings that describe a model in the model list. Prices become exact texts. Words that OpenRouter does not
// know cause warnings, and invalid values cause errors.

import Inference
import Testing

@testable import Configuration

@Suite struct CatalogFieldReadingTests {
    private func configuration(_ fields: String) -> Result<Configuration, ConfigurationErrors> {
        read("listeners: [{address: '127.0.0.1:1'}]\nmodels:\n  - {id: m, executors: [{url: 'http://e'}], \(fields)}\n")
    }
    private func warnings(_ fields: String) throws -> [String] {
        try configuration(fields).get().warnings.map(\.description)
    }
    private func faults(_ fields: String) -> [String] {
        if case .failure(let errors) = configuration(fields) { errors.problems.map(\.description) } else { [] }
    }

    @Test func pricesAreTextsWhateverTheFileHas() throws {
        let overrides = "overrides: [{min_prompt_tokens: 200000, prompt: 4e-7}, {utc_start: 100, utc_end: 0500}]"
        let m = try configuration("pricing: {prompt: 0.0000002, completion: '2e-07', image: 0, \(overrides)}").get()
            .models[0]
        func field(_ name: String, _ value: CatalogValue) -> CatalogField { CatalogField(name: name, value: value) }
        #expect(
            m.catalog == [
                field(
                    "pricing",
                    .object([
                        field("prompt", .text("0.0000002")), field("completion", .text("0.0000002")),
                        field("image", .text("0")),
                        field(
                            "overrides",
                            .list([
                                .object([
                                    field("min_prompt_tokens", .number("200000")), field("prompt", .text("0.0000004")),
                                ]),
                                .object([field("utc_start", .number("100")), field("utc_end", .text("0500"))]),
                            ])
                        ),
                    ])
                )
            ]
        )
    }

    @Test func invalidPricesAreErrors() {
        #expect(
            faults("pricing: {prompt: free, completion: '-1', image: null}") == [
                "c.yaml:3:63: models[].pricing.prompt: 'free': expected a price in USD, such as \"0.0000002\"",
                "c.yaml:3:81: models[].pricing.completion: '-1': expected a price in USD, such as \"0.0000002\"",
                "c.yaml:3:94: models[].pricing.image: 'null': expected a price in USD, such as \"0.0000002\"",
            ]
        )
        #expect(
            faults("pricing: 3") == ["c.yaml:3:54: models[].pricing: expected a section of keys, found a single value"]
        )
    }

    /// A price that looks like one per million tokens causes a warning, because prices here are per token.
    @Test func aPriceByTheMillionIsAWarning() throws {
        #expect(
            try warnings("pricing: {prompt: 0.20, completion: 0.01, input_cache_read: 0.0099, image: 5}") == [
                "c.yaml:3:63: warning: models[].pricing.prompt: 0.20 USD is the price of one token; is it meant for a "
                    + "million?",
                "c.yaml:3:81: warning: models[].pricing.completion: 0.01 USD is the price of one token; is it meant for "
                    + "a million?",
            ]
        )
    }

    @Test func wordsThatOpenRouterDoesNotKnowAreWarnings() throws {
        let seen = try warnings(
            "quantization: fp9, input_modalities: [text, smell], output_modalities: [text], "
                + "supported_sampling_parameters: [temprature, top_p], supported_features: [telepathy]"
        )
        #expect(
            seen == [
                "c.yaml:3:59: warning: models[].quantization: 'fp9' is not one that OpenRouter knows; did you mean "
                    + "'fp4'?",
                "c.yaml:3:89: warning: models[].input_modalities[]: 'smell' is not one that OpenRouter knows; "
                    + "known: text, image, file, audio, video",
                "c.yaml:3:156: warning: models[].supported_sampling_parameters[]: 'temprature' is not one that "
                    + "OpenRouter knows; did you mean 'temperature'?",
                "c.yaml:3:197: warning: models[].supported_features[]: 'telepathy' is not one that OpenRouter knows; "
                    + "known: tools, json_mode, structured_outputs, logprobs, web_search, reasoning",
            ]
        )
    }

    @Test func whatOpenRouterKnowsIsNoWarning() throws {
        let fields =
            "quantization: bf16, input_modalities: [text, video], supported_features: [reasoning], hugging_face_id: '', "
            + "deprecation_date: 2027-01-31, discount_to_user: -0.5, pricing: {prompt: 0.000002, completion: 0}"
        #expect(try warnings(fields) == [])
        #expect(faults(fields) == [])
    }

    @Test func datesAndNumbersAreChecked() {
        for date in ["2027-01-31", "2027-12-01T18:00:00Z"] { #expect(faults("deprecation_date: '\(date)'") == []) }
        for date in [
            "soon", "2027-13-01", "2027-00-01", "2027-01-32", "2027-1-31", "2027-01-31T18:30:00Z",
            "2027-01-31T24:00:00Z",
        ] {
            #expect(
                faults("deprecation_date: '\(date)'") == [
                    "c.yaml:3:63: models[].deprecation_date: '\(date)': expected a date such as 2027-01-31 or "
                        + "2027-01-31T18:00:00Z"
                ]
            )
        }
        #expect(
            faults("discount_to_user: half") == [
                "c.yaml:3:63: models[].discount_to_user: 'half': expected a number"
            ]
        )
        #expect(faults("context_length: -1").count == 1)
    }
}
