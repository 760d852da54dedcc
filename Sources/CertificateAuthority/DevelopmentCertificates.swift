// Makes a certificate authority and a server certificate for development, kept in a directory and reused while they are
// valid. The `certificate` command and tests use them; a running server does not.

internal import COpenSSL
internal import Glibc
package import Transport

/// The paths of the files of a development certificate.
package struct DevelopmentCertificates: Equatable, Sendable {
    /// The type of a new key: ECDSA on the curve P-256, or RSA with 2048 bits.
    package enum KeyType: Sendable { case p256, rsa2048 }

    /// The path of the authority's certificate, which clients must be configured to trust.
    package let ca: String
    /// The path of the server certificate.
    package let chain: String
    /// The path of the server's private key, which only its owner can read.
    package let key: String

    /// The paths of the server certificate and its key, in the type that TLS listeners use.
    package var files: CertificateFiles { CertificateFiles(chain: chain, key: key) }
}

/// Makes a server certificate for `names`, and a certificate authority that signs it, in `directory`.
///
/// An authority that is already in `directory` is kept if it is valid for another week, so that clients need not trust
/// a new authority. A server certificate that is already in `directory` is kept if the authority has signed it, it is
/// valid for another week, and it has the requested names and the requested type of key.
///
/// - Parameters:
///   - names: DNS names and IP addresses.
///   - now: the time in seconds since 1970.
/// - Throws: when a name is invalid, or a file cannot be written.
package func makeDevelopmentCertificates(
    in directory: String,
    names: [String],
    keyType: DevelopmentCertificates.KeyType = .p256,
    now: Int64 = Int64(time(nil))
) throws(TLSError) -> DevelopmentCertificates {
    ERR_clear_error()
    let names = try CertificateName.checked(names)
    let folder = try CertificateFolder(directory)
    let made = DevelopmentCertificates(
        ca: folder.path("ca.pem"),
        chain: folder.path("chain.pem"),
        key: folder.path("key.pem")
    )
    let caKeyPath = folder.path("ca-key.pem")

    let authority: CertifiedKey
    if let kept = keptAuthority(certificate: made.ca, key: caKeyPath, now: now) {
        authority = kept
    } else {
        authority = try .authority(keyType, now: now)
        try folder.write(authority.key.pem, to: "ca-key.pem", isSecret: true)
        try folder.write(authority.certificate.pem, to: "ca.pem", isSecret: false)
    }
    guard !isUsable(made.files, names: names, keyType: keyType, authority: authority.key, now: now) else {
        return made
    }
    let leaf = try authority.issue(.server(names), keyType, now: now)
    try folder.write(leaf.key.pem, to: "key.pem", isSecret: true)
    try folder.write(leaf.certificate.pem, to: "chain.pem", isSecret: false)
    return made
}

private let renewalMargin: Int64 = 7 * 24 * 60 * 60

private func keptAuthority(certificate: String, key: String, now: Int64) -> CertifiedKey? {
    do throws(TLSError) {
        let kept = try CertifiedKey(certificate: certificate, key: key)
        guard kept.certificate.expiry > now + renewalMargin, kept.certificate.isSigned(by: kept.key) else { return nil }
        return kept
    } catch {
        return nil
    }
}

private func isUsable(
    _ files: CertificateFiles,
    names: [CertificateName],
    keyType: DevelopmentCertificates.KeyType,
    authority: borrowing PrivateKey,
    now: Int64
) -> Bool {
    guard let pair = try? CertifiedKey(certificate: files.chain, key: files.key) else { return false }
    guard pair.certificate.isSigned(by: authority), pair.certificate.expiry > now + renewalMargin else { return false }
    guard pair.key.type == (keyType == .p256 ? EVP_PKEY_EC : EVP_PKEY_RSA) else { return false }
    return hasExactly(names, pair.certificate)
}

/// Whether the certificate has exactly these names.
private func hasExactly(_ names: [CertificateName], _ certificate: borrowing Certificate) -> Bool {
    var wantedNames: Set<String> = [], wantedAddresses: Set<[UInt8]> = []
    for name in names {
        switch name {
        case .dns(let name): wantedNames.insert(name)
        case .address(let octets, _): wantedAddresses.insert(octets)
        }
    }
    return Set(certificate.alternativeDNSNames) == wantedNames && Set(certificate.addresses) == wantedAddresses
}

/// Makes certificates as `makeDevelopmentCertificates` does, but the server's name is only in the subject.
///
/// The server certificate has no SAN extension.
package func makeCommonNameCertificateForTest(
    in directory: String,
    name: String,
    now: Int64
) throws(TLSError) -> DevelopmentCertificates {
    let made = try makeDevelopmentCertificates(in: directory, names: [name], now: now)
    let folder = try CertificateFolder(directory)
    let authority = try CertifiedKey(certificate: made.ca, key: folder.path("ca-key.pem"))
    let leaf = try authority.issue(.commonNameOnly(name), .p256, now: now)
    try folder.write(leaf.key.pem, to: "key.pem", isSecret: true)
    try folder.write(leaf.certificate.pem, to: "chain.pem", isSecret: false)
    return made
}

/// Makes a client's certificate, signed by the authority that `makeDevelopmentCertificates` has made in `directory`.
///
/// - Parameters:
///   - name: the common name of the subject, and the beginning of the names of the two files.
///   - now: the time in seconds since 1970; the certificate is valid from one hour earlier, for at most 397 days.
package func makeClientCertificateForTest(
    in directory: String,
    name: String,
    now: Int64
) throws(TLSError) -> CertificateFiles {
    let folder = try CertificateFolder(directory)
    let authority = try CertifiedKey(certificate: folder.path("ca.pem"), key: folder.path("ca-key.pem"))
    let leaf = try authority.issue(.client(name), .p256, now: now)
    try folder.write(leaf.key.pem, to: "\(name)-key.pem", isSecret: true)
    try folder.write(leaf.certificate.pem, to: "\(name).pem", isSecret: false)
    return CertificateFiles(chain: folder.path("\(name).pem"), key: folder.path("\(name)-key.pem"))
}
