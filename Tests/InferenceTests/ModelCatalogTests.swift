// Tests which model names clients may use, and the list of models in each API's format.

import Inference
import Testing

@Suite struct ModelCatalogTests {
    @Test func resolvesIdsBeforeAliases() {
        let catalog = ModelCatalog([Model(id: "a", aliases: ["b", "/models/x"]), Model(id: "b")])
        #expect(catalog.resolve("a")?.id == "a")
        #expect(catalog.resolve("b")?.id == "b")
        #expect(catalog.resolve("/models/x")?.id == "a")
        #expect(catalog.resolve("c") == nil)
    }

    /// Model names are compared byte by byte, because an executor gets the name as the client wrote it.
    ///
    /// Unicode texts that look alike are different names.
    @Test func namesAreComparedAsBytes() {
        let catalog = ModelCatalog([Model(id: "Kimi-K2", aliases: ["caf\u{e9}"]), Model(id: "cafe\u{301}")])
        #expect(catalog.index(of: "Kimi-K2") == 0 && catalog.index(of: "Kimi-\u{212A}2") == nil)
        #expect(catalog.index(of: "caf\u{e9}") == 0 && catalog.index(of: "cafe\u{301}") == 1)
        #expect(catalog.index(of: "kimi-k2") == nil)
    }

    private static let unknown =
        #""hugging_face_id":"","input_modalities":["text"],"output_modalities":["text"],"#
        + #""supported_sampling_parameters":[],"supported_features":[]"#

    /// Prices, lengths and quantization are omitted if they are not configured.
    @Test func aModelOfWhichNothingIsSaidHasOnlyWhatIsTrueOfIt() {
        let catalog = ModelCatalog([Model(id: "a/b", aliases: ["x"], created: 5, ownedBy: "me")])
        let entry = #"{"id":"a/b","object":"model","created":5,"owned_by":"me","name":"a/b",\#(Self.unknown)}"#
        #expect(text(catalog.listJSON()) == #"{"object":"list","data":[\#(entry)]}"#)
        #expect(catalog.resolve("x").map { text($0.json()) } == entry)
        #expect(text(ModelCatalog([]).listJSON()) == #"{"object":"list","data":[]}"#)
    }

    @Test func onlyTheModelsThatAreShownAreInTheList() {
        let catalog = ModelCatalog([Model(id: "a"), Model(id: "b"), Model(id: "c")])
        for shape in ModelShape.allCases {
            #expect(catalog.listJSON(as: shape) { _ in true } == catalog.listJSON(as: shape))
            #expect(catalog.listJSON(as: shape) { $0.id == "b" } == ModelCatalog([Model(id: "b")]).listJSON(as: shape))
        }
        #expect(catalog.listJSON { _ in false } == ModelCatalog([]).listJSON())
    }

    @Test func anthropicsShapeIsOnePage() {
        let named = [CatalogField(name: "name", value: .text("A"))]
        let catalog = ModelCatalog([
            Model(id: "a", createdAt: "2026-01-02T03:04:05Z", fields: named), Model(id: "b"),
        ])
        #expect(
            text(catalog.listJSON(as: .anthropic))
                == #"{"data":[{"type":"model","id":"a","display_name":"A","created_at":"2026-01-02T03:04:05Z"},"#
                + #"{"type":"model","id":"b","display_name":"b","created_at":"1970-01-01T00:00:00Z"}],"#
                + #""has_more":false,"first_id":"a","last_id":"b"}"#
        )
        #expect(
            text(ModelCatalog([]).listJSON(as: .anthropic))
                == #"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        )
    }
}
