// The JSON document that describes a model to clients.

import Inference
import Testing

@Suite struct ModelTests {
    @Test func fieldsAreCarriedInTheirOrder() {
        let model = Model(
            id: "m",
            created: 7,
            fields: [
                CatalogField(name: "name", value: .text("M \"1\"")), CatalogField(name: "created", value: .number("7")),
                CatalogField(name: "input_modalities", value: .list([.text("text"), .text("image")])),
                CatalogField(
                    name: "pricing",
                    value: .object([CatalogField(name: "prompt", value: .text("0.0000002"))])
                ),
                CatalogField(name: "supported_features", value: .list([.text("tools")])),
                CatalogField(name: "is_ready", value: .flag(false)),
                CatalogField(name: "discount_to_user", value: .number("0.10")),
                CatalogField(name: "capacity_tpm", value: .null),
            ]
        )
        #expect(
            text(model.json())
                == #"{"id":"m","object":"model","created":7,"owned_by":"freeinference","name":"M \"1\"","#
                + #""input_modalities":["text","image"],"pricing":{"prompt":"0.0000002"},"#
                + #""supported_features":["tools"],"is_ready":false,"discount_to_user":0.10,"capacity_tpm":null,"#
                + #""hugging_face_id":"","output_modalities":["text"],"supported_sampling_parameters":[]}"#
        )
    }
}
