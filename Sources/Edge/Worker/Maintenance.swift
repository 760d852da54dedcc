// The maintenance that the operator has declared: requests for models are refused until it is over.
internal import Inference
internal import Synchronization
internal import Transport

/// What clients are told while the service is under maintenance.
struct Maintenance: Sendable, Equatable {
    /// The most characters of the operator's text.
    static let textMax = 1000
    /// The greatest `retry-after`, in seconds: a day.
    static let retryAfterMax = 86_400
    /// The `retry-after` if the operator names none, in seconds.
    static let retryAfterDefault = 60

    /// The message for clients; nil for that of the failure's kind.
    var text: String?
    /// The value of `retry-after`, in seconds.
    var retryAfter = Self.retryAfterDefault
    /// When the operator has declared it, in seconds since 1970.
    var since: Int

    /// What a request for a model fails with.
    var failure: Failure { Failure(.maintenance, text, retryAfter: retryAfter) }
}

/// Whether the service is under maintenance; written by the control thread, and read by workers once an exchange.
final class MaintenanceState: Sendable {
    private let on = Atomic<Bool>(false)
    private let value = Lock<Maintenance?>(nil)

    /// The maintenance in force; takes no lock while there is none.
    var current: Maintenance? { on.load(ordering: .acquiring) ? value.withLock { $0 } : nil }

    /// Begins or changes the maintenance, or ends it with nil.
    func set(_ maintenance: Maintenance?) {
        value.withLock { $0 = maintenance }
        on.store(maintenance != nil, ordering: .releasing)
    }
}
