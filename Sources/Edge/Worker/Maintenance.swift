// The maintenance mode: while the operator has switched it on, requests for models are refused.
internal import Inference
internal import Synchronization
internal import Transport

/// The refusal that clients get while the operator has switched on the maintenance mode.
struct Maintenance: Sendable, Equatable {
    /// The largest length of the message for clients, in characters.
    static let textMax = 1000
    /// The largest value of `retry-after`, in seconds: one day.
    static let retryAfterMax = 86_400
    /// The value of `retry-after`, in seconds, if the operator sets none.
    static let retryAfterDefault = 60

    /// The operator's message for clients; nil for the default message of the failure `maintenance`.
    var text: String?
    /// The value of `retry-after` that clients get, in seconds.
    var retryAfter = Self.retryAfterDefault
    /// When the operator switched the maintenance mode on or last changed it, in seconds since 1970.
    var since: Int

    /// The failure with which every request for a model ends during the maintenance.
    var failure: Failure { Failure(.maintenance, text, retryAfter: retryAfter) }
}

/// Whether the maintenance mode is on, in which the server refuses requests for models.
///
/// The control thread changes this state; the workers read it once for each exchange.
final class MaintenanceState: Sendable {
    private let on = Atomic<Bool>(false)
    private let value = Lock<Maintenance?>(nil)

    /// The refusal for clients; nil while the maintenance mode is off.
    ///
    /// While it is off, the workers take no lock.
    var current: Maintenance? { on.load(ordering: .acquiring) ? value.withLock { $0 } : nil }

    /// Switches the maintenance mode on or changes it; switches it off if the argument is nil.
    func set(_ maintenance: Maintenance?) {
        value.withLock { $0 = maintenance }
        on.store(maintenance != nil, ordering: .releasing)
    }

    /// Carries out the operator's command: switches the maintenance mode on or changes it, or switches it off if the
    /// argument is nil.
    ///
    /// - Returns: the answer for the operator.
    func declare(_ maintenance: Maintenance?) -> CommandReport {
        let wasOn = current != nil
        set(maintenance)
        guard let maintenance else {
            return CommandReport(
                isDone: true,
                lines: [wasOn ? "maintenance is over: requests are served" : "there was no maintenance"]
            )
        }
        return CommandReport(
            isDone: true,
            lines: [
                "requests for models get 503 with retry-after \(maintenance.retryAfter), until maintenance is off",
                "streams under way go on; a restart ends the maintenance",
            ]
        )
    }
}
