// The version of this build.

/// The version that `--version`, `/health/deep` and the metrics show.
package enum Build {
    /// The version of the release, as CHANGELOG.md has it.
    package static let version = "0.1.0"
}
