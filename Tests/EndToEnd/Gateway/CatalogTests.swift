import Testing

/// Tests `GET /v1/models`, whose response must suit OpenRouter and the SDKs of OpenAI and Anthropic.
@Suite struct CatalogTests {
    private static let models = #"""
        - id: org/full
          aliases: [full]
          name: Full
          created: 1700000000
          hugging_face_id: org/full
          input_modalities: [text, image]
          quantization: fp8
          context_length: 131072
          max_output_length: 8192
          pricing: {prompt: 0.0000002, completion: 8e-7, image: "0", request: 0, input_cache_read: "0.00000002"}
          supported_sampling_parameters: [temperature, top_p, stop, seed]
          supported_features: [tools, reasoning]
          is_ready: true
          datacenters: [{country_code: US}]
          openrouter: {slug: org/full-slug}
          executors: [{url: "http://127.0.0.1:1"}]
        - id: bare
          executors: [{url: "http://127.0.0.1:1"}]
        """#

    /// Checks the members that OpenRouter's schema for providers requires of each model.
    private func checkRequired(_ model: JSON) {
        for name in ["id", "name", "hugging_face_id"] { #expect(model[name].string != nil, "\(name)") }
        #expect(model.created.int != nil)
        for name in ["input_modalities", "output_modalities", "supported_sampling_parameters", "supported_features"] {
            guard case .array(let elements) = model[name] else {
                Issue.record("\(name) is no list")
                continue
            }
            #expect(elements.allSatisfy { $0.string != nil }, "\(elements)")
        }
        #expect(!model.input_modalities.array.isEmpty)
        #expect(!model.output_modalities.array.isEmpty)
    }

    @Test func openRouterFindsWhatItRequires() async throws {
        try await withServer(Configuration(models: Self.models)) { server in
            let list = try await server.curl("/v1/models").json
            let (full, bare) = (list.data[0], list.data[1])
            checkRequired(full)
            checkRequired(bare)
            #expect(full.created.int == 1_700_000_000)
            #expect(full.name.string == "Full")
            #expect(bare.name.string == "bare")
            #expect(full.quantization.string == "fp8")
            #expect(full.context_length.int == 131_072)
            #expect(full.max_output_length.int == 8192)
            // Prices are strings, exactly as configured.
            let prices = ["prompt": "0.0000002", "completion": "0.0000008", "image": "0", "request": "0"]
            for (name, price) in prices { #expect(full.pricing[name].string == price) }
            #expect(full.pricing.input_cache_read.string == "0.00000002")
            #expect(full.openrouter.slug.string == "org/full-slug")
            #expect(full.datacenters[0].country_code.string == "US")
            #expect(full.is_ready.bool == true)
            // Members that are not configured are omitted.
            for name in ["pricing", "quantization", "context_length", "max_output_length"] {
                #expect(!bare.keys.contains(name))
            }
            let single = try await server.curl("/v1/models/full").json
            #expect(single == full)
        }
    }

    @Test(arguments: [false, true]) func openAIsSDKReadsIt(http2: Bool) async throws {
        try await withServer(Configuration(models: Self.models)) { server in
            let seen = try await server.openAISDK("models", http2: http2, arguments: ["--model", "org/full"])
            #expect(seen.first?.models == .array([.string("org/full"), .string("bare")]))
        }
    }

    @Test func anthropicsSDKReadsItsOwnShape() async throws {
        try await withServer(Configuration(models: Self.models)) { server in
            let seen = try await server.anthropicSDK("models", http2: true, arguments: ["--model", "org/full"])
            #expect(seen.first?.names == .array([.string("Full"), .string("bare")]))
            #expect(seen.first?.created_at.string == "2023-11-14T22:13:20+00:00")
            #expect(seen.last?.raised.string == "NotFoundError")
        }
    }

    @Test func modelsAreImportedAndTheirWarningsSaid() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        _ = try scratch.write(
            "- {id: imported, quantization: fp5, executors: [{url: 'http://h.invalid'}]}\n",
            to: "more.yaml"
        )
        let yaml = "listeners: [{address: '127.0.0.1:1'}]\nmodels:\n  - import: more.yaml\n"
        let file = try scratch.write(yaml, to: "c.yaml")
        let good = try await run(Repository.binary, ["check", "--config", file])
        #expect(good.status == .exited(0))
        #expect(
            good.output.contains("more.yaml:1:32: warning: models[].quantization: 'fp5' is not one that OpenRouter")
        )

        _ = try scratch.write("- {id: imported, executers: []}\n", to: "more.yaml")
        let bad = try await run(Repository.binary, ["check", "--config", file])
        #expect(bad.status == .exited(2))
        #expect(bad.output.contains("more.yaml:1:18: unknown key 'executers' in 'models[]'; did you mean 'executors'?"))
    }
}
