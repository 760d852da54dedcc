// How a successor receives the first message of an upgrade, before it has an event loop; used on the control thread.
internal import Configuration
internal import Glibc
internal import Transport

/// The message `handover` from the main process to its successor, and the link by which the successor answers.
///
/// Confined to the thread that starts the process, which becomes the control thread.
package final class Inheritance {
    /// The environment variable with the descriptor of the link to the main process.
    static let variable = "FREEINFERENCE_UPGRADE"

    let handover: Handover
    /// The descriptor of this process's end of the link to the main process; the link is a pair of sockets.
    let descriptor: CInt
    /// The state of the main process when it started this one; nil if this version does not understand it.
    private(set) lazy var state = InheritedState(json: handover.state)

    private init(_ handover: Handover, _ descriptor: CInt) {
        self.handover = handover
        self.descriptor = descriptor
    }

    /// Receives the message `handover`, if the main process has started this process to take its place.
    ///
    /// The function sets close-on-exec on all inherited descriptors, so that no other program inherits them.
    ///
    /// - Parameter environment: the environment variables of the process.
    /// - Returns: nil if this process was not started by an upgrade.
    /// - Throws: `StartError` if the link does not work, or if this version does not understand the message.
    package static func receive(from environment: [String: String]) throws(StartError) -> Inheritance? {
        guard let text = environment[variable] else { return nil }
        guard let descriptor = CInt(text), descriptor > 2, fcntl(descriptor, F_GETFD) >= 0 else {
            throw StartError(description: "\(variable)=\(LogText.bounded(text)) is no link to a running server")
        }
        Sockets.closeOnExec(descriptor)
        guard case .handover(let handover)? = UpgradeLink.firstMessage(descriptor) else {
            let text = "version \(Build.version) does not understand what the running server hands over"
            UpgradeLink.sendNow(.failed([text]), to: descriptor)
            throw StartError(description: text)
        }
        for inherited in handover.descriptors { Sockets.closeOnExec(inherited) }
        return Inheritance(handover, descriptor)
    }

    /// Tells the main process that this process cannot take its place, and why; this process then ends.
    package func refuse(_ lines: [String]) { UpgradeLink.sendNow(.failed(lines), to: descriptor) }

    /// The sockets of a listener that the main process has handed over; nil if there are none.
    func sockets(for key: ListenerKey) -> Handover.ListenerSockets? {
        handover.listeners.first { $0.address == "\(key.address)" && $0.number == key.number }
    }
}
