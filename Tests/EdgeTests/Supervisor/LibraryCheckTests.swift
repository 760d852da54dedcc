import Configuration
import HTTP
import Testing

@testable import Edge

@Suite struct LibraryCheckTests {
    private func warnings(_ number: Int, _ text: String, _ status: String?) -> [String] {
        LibraryCheck.warnings(library: (number, text)) { _ in
            status.map { .success(Array($0.utf8)) } ?? .failure(FileProblem("No such file or directory"))
        }
    }
    private func status(_ version: String) -> String {
        "Package: other\nVersion: 1.0\n\nPackage: libnghttp2-14\nStatus: install ok installed\nVersion: \(version)\n\n"
    }

    @Test(arguments: ["1.52.0-1+deb12u3", "1.52.0-1+deb12u4", "1.52.0-1+deb12u10"])
    func debiansRevisionsWithTheFixAreFine(version: String) {
        #expect(warnings(0x013400, "1.52.0", status(version)).isEmpty)
    }

    @Test func releasesWithTheFixAreFine() {
        #expect(warnings(0x014401, "1.68.1", nil).isEmpty && warnings(0x014600, "1.70.0", nil).isEmpty)
    }

    @Test func whatLacksItOrMayLackItIsAWarning() {
        let use = "the fix of CVE-2026-27135: use 1.68.1, or Debian 12's 1.52.0-1+deb12u3"
        #expect(
            warnings(0x013400, "1.52.0", status("1.52.0-1+deb12u2"))
                == ["warning: libnghttp2 1.52.0-1+deb12u2 lacks \(use)"]
        )
        #expect(
            warnings(0x014000, "1.64.0", status("1.64.0-1.1")) == ["warning: libnghttp2 1.64.0-1.1 may lack \(use)"]
        )
        for unknown in [nil, "Package: other\nVersion: 1.52.0-1+deb12u3\n"] as [String?] {
            #expect(warnings(0x013400, "1.52.0", unknown) == ["warning: libnghttp2 1.52.0 may lack \(use)"])
        }
    }

    @Test func thisMachinesLibraryHasItsVersion() {
        #expect(HTTP2Library.version.number >= 0x013400 && HTTP2Library.version.text.hasPrefix("1."))
    }
}
