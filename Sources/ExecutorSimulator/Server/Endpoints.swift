// The endpoints that do not call the model: the model list, the health check, reports on the simulator itself, and a
// reset of its counters and records.
internal import HTTP
internal import Inference
internal import Transport

/// Responds to requests for endpoints that do not call the model; holds no state.
///
/// Runs on the simulator's loop.
enum Endpoints {
    /// Responds to a request for the model list, the health check, a report or a reset.
    ///
    /// Every other request gets an error.
    static func answer(
        _ method: Method,
        path: String,
        query: String,
        of simulator: ExecutorSimulator,
        on stream: ServerStream
    ) {
        func respond(_ body: [UInt8]) { ExecutorSimulator.respond(body: body, on: stream) }
        func refuse(_ status: Int, _ message: String) {
            let refusal = Refusal(status: status, message: message, type: "NotFoundError")
            let body = OtherAnswers.error(refusal, isAnthropic: false)
            ExecutorSimulator.respond(status: status, body: body, on: stream)
        }
        let isGet = method == .get || method == .head
        switch path {
        case "/health" where isGet: respond(JSONText.object { $0.field("status", "ok") })
        case "/v1/models" where isGet:
            let options = simulator.options
            respond(OtherAnswers.models(options.models, owner: options.kind.owner, created: simulator.created))
        case "/metrics" where isGet:
            guard let metrics = simulator.metrics else {
                refuse(404, "Not Found")
                return
            }
            ExecutorSimulator.respond(body: metrics.page(), contentType: EngineMetrics.contentType, on: stream)
        case "/simulator/counters" where isGet: respond(simulator.counters.json())
        case "/simulator/aborts" where isGet: respond(simulator.aborts.json(since: since(query)))
        case "/simulator/last" where isGet: respond(simulator.last.json())
        case "/simulator/reset" where method == .post:
            simulator.counters.reset()
            simulator.aborts.reset()
            simulator.last = LastRequest()
            respond(JSONText.object { $0.field("status", "ok") })
        case "/health", "/v1/models", "/simulator/counters", "/simulator/aborts", "/simulator/last", "/simulator/reset":
            refuse(405, "Method Not Allowed")
        case _ where ModelEndpoint(rawValue: path) != nil: refuse(405, "Method Not Allowed")
        default: refuse(404, "Not Found")
        }
    }

    /// The number in the query parameter `since`; 0 if there is none.
    ///
    /// The report on aborts contains only the entries whose sequence number is greater than this number.
    private static func since(_ query: String) -> Int {
        for pair in query.split(separator: "&") where pair.hasPrefix("since=") { return Int(pair.dropFirst(6)) ?? 0 }
        return 0
    }
}
