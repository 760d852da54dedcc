// Sends the request of an attempt again to the same engine: after a redirect, or without an option that the engine
// refuses.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Attempt {
    /// Follows a redirect of the engine to another path, or fails the attempt.
    ///
    /// Web frameworks redirect `/path` to `/path/`, for example. An attempt follows one redirect, and only to the same
    /// engine, because the request carries a credential and the client's data.
    func redirected(by head: ResponseHead) {
        guard [307, 308].contains(head.status), !wasRedirected, var again = request,
            let location = head.fields.string(named: "location"),
            let path = EngineRedirect.target(
                location,
                from: again.target,
                host: again.host,
                prefix: target.pathPrefix,
                isSecure: target.engine.client.tls != nil
            )
        else {
            fail(.noAnswer(in: head))
            return
        }
        wasRedirected = true
        again.target = path
        sendAgain(again)
    }

    /// Sends the request again without `stream_options.include_usage`, because the engine refuses this field.
    ///
    /// The edge had added the field to get the token usage. Later requests to this engine do not ask for the usage.
    ///
    /// - Returns: Whether the request was sent again; false if the client itself had asked for the usage.
    func sendAgainWithoutUsage() -> Bool {
        guard removesUsage, owner != nil, var again = request, let body = (again.body as? SplicedBody)?.withoutUsage
        else { return false }
        executor.engine.refuseUsage()
        removesUsage = false
        again.body = body
        sendAgain(again)
        owner?.attempt(self, answersWith: .none)
        return true
    }

    /// Discards what has arrived of the answer, and sends the request on a new stream.
    private func sendAgain(_ again: ExecutorRequest) {
        answer = AttemptAnswer()
        meter = Meter(dialect: dialect, choices: choices)
        splitter = EventSplitter()
        held = []
        memory.letGoOfAnswer()
        memory.keepPiece(of: 0)
        if let timer { environment.loop.timers.cancel(timer) }
        timer = nil
        let last = stream
        stream = nil
        last?.cancel()
        request = again
        stream = environment.send(again, to: target, handler: self)
    }
}
