// Checks for `freeinference check` whether the system's nghttp2 has a security fix that this server relies on.
package import Configuration
internal import HTTP

/// Checks for the fix of CVE-2026-27135, a bug by which a client can crash the process.
package enum LibraryCheck {
    /// The first release of nghttp2 with the fix, 1.68.1, in the form 0xMMNNPP of NGHTTP2_VERSION_NUM.
    static let fixedNumber = 0x01_44_01
    /// Versions of distributions' packages in which the fix was added to an older release of nghttp2.
    ///
    /// `package` is the version without its last number. Packages with this version have the fix if their last number
    /// is at least `number`.
    static let fixedRevisions: [(package: String, number: Int)] = [("1.52.0-1+deb12u", 3)]
    /// dpkg's list of installed packages, on Debian and distributions derived from Debian.
    private static let packages = "/var/lib/dpkg/status"
    private static let package = "libnghttp2-14"

    /// Warnings for the operator; empty if the library has the fix.
    ///
    /// - Parameters:
    ///   - library: the version of the library in use.
    ///   - readFile: reads dpkg's list of installed packages.
    package static func warnings(
        library: (number: Int, text: String) = HTTP2Library.version,
        readFile: (String) -> Result<[UInt8], FileProblem> = SystemFiles.read
    ) -> [String] {
        guard library.number < fixedNumber else { return [] }
        let needed = "1.68.1, or Debian 12's 1.52.0-1+deb12u3"
        guard case .success(let status) = readFile(packages), let revision = revision(in: status) else {
            return ["warning: libnghttp2 \(library.text) may lack the fix of CVE-2026-27135: use \(needed)"]
        }
        let isFixed = fixedRevisions.contains { fixed in
            guard revision.hasPrefix(fixed.package) else { return false }
            return Int(revision.dropFirst(fixed.package.count).prefix { $0.isNumber }).map { $0 >= fixed.number }
                ?? false
        }
        if isFixed { return [] }
        let known = fixedRevisions.contains { revision.hasPrefix($0.package) }
        let verb = known ? "lacks" : "may lack"
        return ["warning: libnghttp2 \(revision) \(verb) the fix of CVE-2026-27135: use \(needed)"]
    }

    /// The version of libnghttp2 in dpkg's list of installed packages; nil if the list has no such package.
    private static func revision(in status: [UInt8]) -> String? {
        var isOurs = false
        for line in status.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if line.isEmpty { isOurs = false }
            let text = String(decoding: line.prefix(256), as: UTF8.self)
            if text == "Package: \(package)" { isOurs = true }
            if isOurs, text.hasPrefix("Version: ") { return String(text.dropFirst(9)) }
        }
        return nil
    }
}
