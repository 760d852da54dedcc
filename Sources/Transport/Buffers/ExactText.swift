// Names that are compared by their bytes. Swift compares strings by Unicode equivalence, so that a name with a Kelvin
// sign equals the same name with a K, while an executor treats them as two names.

/// A text that equals another only if their bytes do.
package struct ExactText: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: ExactText, right: ExactText) -> Bool { left.text.hasBytes(of: right.text) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { bytes in unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
    }
}

extension String {
    /// Whether the other text is the same, byte by byte.
    package func hasBytes(of other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
