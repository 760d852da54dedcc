// Whether the system's nghttp2 has the fixes that this server relies on, for `check`.
package import Configuration
internal import HTTP

package enum LibraryCheck {
    /// The first release with the fix of CVE-2026-27135 (a client ends the process), as nghttp2 numbers versions.
    static let fixedNumber = 0x01_44_01
    /// The revisions of distributions that have it in an older release: all but the last number, and that number at least.
    static let fixedRevisions: [(package: String, number: Int)] = [("1.52.0-1+deb12u", 3)]
    private static let packages = "/var/lib/dpkg/status"
    private static let package = "libnghttp2-14"

    /// What there is to warn of.
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

    /// The version of the installed package, from dpkg's list.
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
