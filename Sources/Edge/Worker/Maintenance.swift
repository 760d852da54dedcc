// The maintenance mode: while the operator has switched it on, requests for models are refused.
internal import Inference
internal import Synchronization
internal import Transport

/// The refusal that clients get while the service is under maintenance.
struct Maintenance: Sendable, Equatable {
    /// The greatest length of the operator's text, in characters.
    static let textMax = 1000
    /// The greatest value of `retry-after`, in seconds: one day.
    static let retryAfterMax = 86_400
    /// The value of `retry-after` if the operator gives none, in seconds.
    static let retryAfterDefault = 60

    /// The message for clients; nil for the default message of the failure `maintenance`.
    var text: String?
    /// The value of `retry-after`, in seconds.
    var retryAfter = Self.retryAfterDefault
    /// When the operator began the maintenance or last changed it, in seconds since 1970.
    var since: Int

    /// The failure that ends every request for a model during the maintenance.
    var failure: Failure { Failure(.maintenance, text, retryAfter: retryAfter) }
}

/// Whether the service is under maintenance.
///
/// The control thread writes this state; the workers read it once for each exchange.
final class MaintenanceState: Sendable {
    private let on = Atomic<Bool>(false)
    private let value = Lock<Maintenance?>(nil)

    /// The maintenance in force; nil if there is none, which is found without taking a lock.
    var current: Maintenance? { on.load(ordering: .acquiring) ? value.withLock { $0 } : nil }

    /// Begins or changes the maintenance; ends it if the argument is nil.
    func set(_ maintenance: Maintenance?) {
        value.withLock { $0 = maintenance }
        on.store(maintenance != nil, ordering: .releasing)
    }

    /// Carries out the operator's command: begins or changes the maintenance, or ends it if the argument is nil.
    ///
    /// - Returns: the answer to the command.
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
