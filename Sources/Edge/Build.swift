// What this build is called.

package enum Build {
    package static let version = "0.1.0"
}
