// Bytes that output queues refer to in place of a copy.

/// A text that never changes, on its way to one client or to many.
package final class SharedBytes: Sendable {
    package let bytes: [UInt8]
    /// What a queue that refers to the bytes is charged for them, in bytes: 0 where they are there anyway.
    package let footprint: Int

    /// Bytes that live as long as the process or its configuration, whoever refers to them.
    package init(common bytes: [UInt8]) {
        self.bytes = bytes
        footprint = 0
    }

    /// Bytes that live for the one who takes them.
    package init(owned bytes: [UInt8]) {
        self.bytes = bytes
        footprint = bytes.capacity
    }

    package var count: Int { bytes.count }
}
