// What is looked at in the files that a configuration names, beyond whether they can be read. Tests have files of their
// own making, or none: so it comes in by parameter.
internal import Transport

/// How certificates, keys and authorities are looked into, and what is known of the machine.
package struct FileInspection {
    /// Of a chain and its key; the two flags say which of the files can be read.
    let pair: (_ files: CertificateFiles, _ chainIsReadable: Bool, _ keyIsReadable: Bool) -> [CertificateFinding]
    /// Why certificates that are each good cannot serve one listener together.
    let conflict: ([CertificateFiles]) -> (index: Int, message: String)?
    /// Of a file of certificate authorities.
    let authorities: (String) -> [CertificateFinding]
    /// The file of API keys and their secret are looked into too.
    let looksIntoKeys: Bool
    /// Addresses of this machine's interfaces, as text.
    let ownAddresses: () -> [String]
    /// The name of this machine.
    let ownName: () -> String
    /// The number of a group; nil where the system knows none of this name.
    let group: (String) -> UInt32?

    /// Nothing is looked into.
    package static var none: FileInspection {
        FileInspection(
            pair: { _, _, _ in [] },
            conflict: { _ in nil },
            authorities: { _ in [] },
            looksIntoKeys: false,
            ownAddresses: { [] },
            ownName: { "" },
            group: { _ in 0 }
        )
    }

    /// - Parameters:
    ///   - keys: also the file of API keys and its secret. The server opens these itself, and makes the secret.
    ///   - now: seconds since 1970.
    package static func ofFiles(keys: Bool, now: Int = Clock.wallTime().seconds) -> FileInspection {
        let now = Int64(now)
        return FileInspection(
            pair: { CertificateInspection.findings($0, chainIsReadable: $1, keyIsReadable: $2, now: now) },
            conflict: { CertificateInspection.conflict(among: $0) },
            authorities: { CertificateInspection.findings(authorities: $0, now: now) },
            looksIntoKeys: keys,
            ownAddresses: Interfaces.addresses,
            ownName: Interfaces.hostName,
            group: SocketFileAccess.groupID
        )
    }
}

extension ConfigurationSection {
    /// Tells of what was found in the file that a key names.
    func report(_ finding: CertificateFinding, in path: String, at key: String) {
        let message = "\(name(key)): \(Self.printable(path)) \(finding.message)"
        if finding.isWarning { reader.warn(message, at: place(key)) } else { reader.report(message, at: place(key)) }
    }
}
