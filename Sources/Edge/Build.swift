// The version of this build.

/// The version that `--version`, `/health/deep` and the metrics show.
package enum Build {
    /// The version number; the newest release in CHANGELOG.md has the same number.
    package static let version = "0.1.0"
}
