import Testing

/// Thousands of exchanges with all kinds of endings leak neither memory nor descriptors.
@Suite struct LeakTests {
    @Test(arguments: Speaking.both)
    func memoryAndDescriptorsReachAPlateau(_ speaking: Speaking) async throws {
        try await withExecutor { executor in
            // A short `idle_timeout` closes idle executor connections, so that remaining descriptors are leaks.
            let models =
                "- id: demo\n  executors:\n    - url: \(executor.url)\n      idle_timeout: 500ms\n      health: {interval: 0s}"
            try await withServer(Configuration(models: models)) { server in
                // Four more descriptors are allowed, because each worker opens an io_uring ring at its first token
                // stream.
                let quiet = try server.process.descriptors() + 4
                var memory: [Int] = []
                for round in 0..<4 {
                    try await Readers.run("mixed", on: server, speaking, ["--count", "1000", "--seed", "\(round)"]) {
                        readers in
                        let report = try await readers.line("the end of a round", within: .seconds(120)) {
                            $0.done.int != nil
                        }
                        #expect(report.unexpected.array.isEmpty, "\(report.unexpected)")
                        try await readers.finishes()
                    }
                    _ = try await eventually("the executor's rest") {
                        try await executor.counters().running.int == 0 ? true : nil
                    }
                    _ = try await eventually("the descriptors of before: \(quiet)") {
                        try server.process.descriptors() <= quiet ? true : nil
                    }
                    memory.append(try #require(server.process.memory()))
                }
                print("resident after each 1000 exchanges over \(speaking): \(memory) kB")
                // The first two rounds warm up; the last two may add at most 2 MiB in total.
                #expect(memory[3] - memory[1] < 2048, "\(memory)")
            }
        }
    }
}
