// The version of this build.

/// What this build is called, in `--version`, `/health/deep` and the metrics.
package enum Build {
    /// The version of the release, as CHANGELOG.md has it.
    package static let version = "0.1.0"
}
