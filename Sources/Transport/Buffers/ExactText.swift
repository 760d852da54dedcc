// Names that are compared byte by byte. Swift compares strings by Unicode equivalence, so a name with the Kelvin sign
// (U+212A) would equal the same name with a K. Executors treat these as two names.

/// A text that equals another text only if their UTF-8 bytes are equal.
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
    /// Whether both texts have the same UTF-8 bytes.
    package func hasBytes(of other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
