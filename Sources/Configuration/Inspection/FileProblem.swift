// The reason why a file that the configuration names could not be read.

/// The reason why a file could not be read, in the system's words, such as `No such file or directory`.
package struct FileProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reason, worded so that it can follow the name of the file in a message.
    package let description: String

    /// Makes a problem with the given reason.
    package init(_ description: String) {
        self.description = description
    }
}
