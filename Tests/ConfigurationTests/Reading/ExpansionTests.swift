// Tests how references to environment variables in the configuration's values are replaced.

import Testing

@testable import Configuration

@Suite struct ExpansionTests {
    @Test func variablesExpandInsideScalars() throws {
        let text = """
            listeners: [{address: "127.0.0.1:${PORT}"}]
            drain_timeout: ${DRAIN:-5s}
            commit_after: ${EMPTY:-20s}
            models:
              - id: ${NAME}-${SIZE:-8b}$${x}$
                executors: [{url: "http://${HOST}"}]
            """
        let c = try read(text, environment: ["PORT": "81", "NAME": "q: [", "EMPTY": "", "HOST": "h"]).get()
        #expect(c.listeners[0].address == .tcp(host: "127.0.0.1", port: 81))
        #expect(c.drainTimeout == .seconds(5) && c.commitAfter == .seconds(20))
        #expect(c.models[0].id == "q: [-8b${x}$")
    }
}
