// Bytes that several output queues can reference without copying them.

/// Immutable bytes that are sent to one client or to many.
package final class SharedBytes: Sendable {
    package let bytes: [UInt8]
    /// How many bytes a `ByteQueue` that refers to these bytes adds to its own memory use; 0 after `init(common:)`.
    package let footprint: Int

    /// Wraps bytes that a long-lived owner, such as the configuration, keeps in memory.
    ///
    /// A queue that refers to these bytes does not count them as its own memory use.
    package init(common bytes: [UInt8]) {
        self.bytes = bytes
        footprint = 0
    }

    /// Wraps bytes that are freed when no queue refers to them any more.
    ///
    /// Each queue that refers to these bytes counts them as its own memory use.
    package init(owned bytes: [UInt8]) {
        self.bytes = bytes
        footprint = bytes.capacity
    }

    package var count: Int { bytes.count }
}
