// One executor, as one worker sees it: its idle connections, and how to open more.
package import Transport

package struct ExecutorClientSettings: Sendable {
    package var addresses: AddressBook
    package var connectTimeout: Nanoseconds
    /// How long an unused connection is kept.
    ///
    /// Below the executor's own: uvicorn drops them after 5 s.
    package var idleTimeout: Nanoseconds
    package var idleMax = 1024

    package init(addresses: AddressBook, connectTimeout: Nanoseconds, idleTimeout: Nanoseconds) {
        self.addresses = addresses
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
    }
}

/// Keeps HTTP/1.1 connections to one executor alive between requests.
///
/// Confined to its worker.
package final class ExecutorClient {
    let loop: EventLoop
    let settings: ExecutorClientSettings
    /// The one used last is taken first: the others may go idle and close.
    private var idle: [HTTP1ExecutorConnection] = []
    package private(set) var connections = 0
    package private(set) var opened = 0

    package init(loop: EventLoop, settings: ExecutorClientSettings) {
        self.loop = loop
        self.settings = settings
    }

    /// Sends a request.
    ///
    /// Failures come by `handler`, in a later turn or in this one.
    package func send(_ request: ExecutorRequest, handler: any ExecutorStreamHandler) -> any ExecutorStream {
        let stream = HTTP1ExecutorStream(client: self, request: request, handler: handler)
        if let connection = idle.popLast() {
            connection.begin(stream)
        } else {
            connect(stream)
        }
        return stream
    }

    /// Opens a new connection for the stream.
    func connect(_ stream: HTTP1ExecutorStream) {
        do throws(SystemError) {
            let connection = try HTTP1ExecutorConnection(client: self)
            connections += 1
            opened += 1
            connection.begin(stream)
        } catch {
            stream.failLater(.unreachable(error))
        }
    }

    func keep(_ connection: HTTP1ExecutorConnection) -> Bool {
        guard idle.count < settings.idleMax else { return false }
        idle.append(connection)
        return true
    }

    func lost(_ connection: HTTP1ExecutorConnection) {
        connections -= 1
        idle.removeAll { $0 === connection }
    }

    /// Closes the connections that nobody uses.
    package func closeIdle() {
        for connection in idle { connection.close() }
    }
}
