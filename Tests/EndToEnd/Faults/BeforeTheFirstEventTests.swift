import Testing

/// An executor fails before its first event: the client gets a status, and no bytes of the executor.
@Suite struct BeforeTheFirstEventTests {
    struct Failing: Sendable, CustomTestStringConvertible {
        let fault: String
        let told: Told
        var testDescription: String { fault }

        static let all = [
            Failing(fault: "die_after:0", told: .brokeOff), Failing(fault: "cut_inside:0", told: .brokeOff),
            Failing(fault: "reset_after:0", told: .brokeOff), Failing(fault: "end_early:0", told: .brokeOff),
            Failing(fault: "close_before_head", told: .brokeOff), Failing(fault: "garbage_head", told: .notHTTP),
        ]
    }

    @Test(arguments: Failing.all, Speaking.both)
    func theClientGetsAStatusInItsDialect(_ failing: Failing, _ speaking: Speaking) async throws {
        try await withServer { server, executor in
            let asked = Tongue.allCases.map { tongue in
                // The simulator sends the first events of a chat together with the first token, and nothing before.
                tongue.request(simulator: #""fault":"\#(failing.fault)","prefill_ms":5"#)
            }
            let seen = try await server.exchange(asked, speaking)
            for (tongue, seen) in zip(Tongue.allCases, seen) {
                // With `cut_inside:0` the executor breaks off inside its first token event. In these dialects it has
                // sent other events before, so the server has begun to relay the stream.
                if failing.fault == "cut_inside:0", tongue != .completions {
                    #expect(seen.status == 200)
                    #expect(seen.endsBroken(speaking))
                    #expect(
                        seen.body.hasSuffix(
                            tongue.errorEvent(failing.told, requestID: seen.requestID, created: seen.created)
                        )
                    )
                    continue
                }
                #expect(seen.status == failing.told.status)
                #expect(seen["content-type"] == "application/json")
                #expect(seen.body == tongue.errorBody(failing.told, requestID: seen.requestID))
                #expect(seen.isClean)
                try await expect(server.logged(seen).end.string, is: failing.told.label)
            }
            try await expect(executor.counters()) { $0.running.int == 0 }
        }
    }

    /// The client gets an error status also if it asked for a response that is not a stream.
    @Test(arguments: ["close_before_head", "garbage_head", "die_after:0", "reset_after:0"], Speaking.both)
    func anAnswerThatIsNoStreamIsRefusedToo(_ fault: String, _ speaking: Speaking) async throws {
        try await withServer { server, _ in
            let asked = Tongue.allCases.map {
                $0.request(stream: false, simulator: #""fault":"\#(fault)","prefill_ms":5"#)
            }
            for (tongue, seen) in zip(Tongue.allCases, try await server.exchange(asked, speaking)) {
                let told = fault == "garbage_head" ? Told.notHTTP : .brokeOff
                #expect(seen.status == 502)
                #expect(seen.body == tongue.errorBody(told, requestID: seen.requestID))
                #expect(seen.isClean)
            }
        }
    }
}
