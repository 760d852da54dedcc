// The result of a check of API keys and of the secret with which the keys are hashed. The module `Edge` makes the
// check, because the check needs the module `KeyStore`.

/// The errors and warnings about the file of API keys and the file of the secret with which the keys are hashed.
package struct KeyFindings: Equatable {
    /// An error or a warning about one configuration key of the section `authentication`.
    package struct Finding: Equatable {
        /// The name of the configuration key: `keys` or `secret`.
        package var key: String
        /// The message, without the name of the configuration key.
        package var message: String
        /// Whether the finding is only a warning: the configuration can then still be used.
        package var isWarning: Bool
    }

    /// Errors and warnings about the file of keys as a whole and the file of the secret, in the order in which they
    /// were found.
    package private(set) var findings: [Finding] = []
    /// Errors in a YAML file of keys, with their positions in that file.
    package var problems: [ConfigurationProblem] = []

    /// Makes findings without any error or warning.
    package init() {}

    /// Adds a finding about a configuration key of the section `authentication`.
    package mutating func add(_ key: String, _ message: String, isWarning: Bool = false) {
        findings.append(Finding(key: key, message: message, isWarning: isWarning))
    }
}
