// The limits of each model's queue of exchanges that wait for an executor.
internal import Configuration
package import Transport

/// The limits of every model's queue (`admission` in the configuration).
package struct AdmissionLimits: Sendable {
    /// The longest wait for an executor, in nanoseconds.
    package var waitMax: Nanoseconds
    /// How many exchanges of one model may wait at once.
    package var queueMax: Int
}

extension AdmissionLimits {
    init(_ settings: Configuration.Admission) {
        waitMax = Nanoseconds(settings.maxWait.inNanoseconds)
        queueMax = settings.maxQueue
    }
}
