// A certificate authority and a certificate for development, kept in a directory and made anew only when needed.
// The `certificate` command and tests call it; nothing in a serving process does.

internal import COpenSSL
internal import Glibc

/// Where the files of a development certificate are.
package struct DevelopmentCertificates: Equatable, Sendable {
    package enum KeyType: Sendable { case p256, rsa2048 }

    /// The authority's certificate, for clients to trust.
    package let ca: String
    package let chain: String
    package let key: String

    package var files: CertificateFiles { CertificateFiles(chain: chain, key: key) }
}

/// Makes a certificate for `names` (DNS names and addresses), signed by an authority of its own, in `directory`.
///
/// An authority that is good for another week is kept, so that whoever trusts it need not trust anew; so is a
/// certificate with the same names and kind of key. `now` is in seconds since 1970.
package func makeDevelopmentCertificates(
    in directory: String,
    names: [String],
    keyType: DevelopmentCertificates.KeyType = .p256,
    now: Int64 = Int64(time(nil))
) throws(TLSError) -> DevelopmentCertificates {
    ERR_clear_error()
    let names = try checkedNames(names)
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

/// A name of a certificate, checked so that it cannot be taken for more than one.
enum CertificateName: Hashable {
    case dns(String)
    case address([UInt8], text: String)

    var extensionText: String {
        switch self {
        case .dns(let name): "DNS:\(name)"
        case .address(_, let text): "IP:\(text)"
        }
    }
}

private let renewalMargin: Int64 = 7 * 24 * 60 * 60

private func checkedNames(_ names: [String]) throws(TLSError) -> [CertificateName] {
    guard !names.isEmpty else { throw TLSError(.configuration, "a certificate needs a name") }
    var checked: [CertificateName] = []
    for name in names {
        if let octets = unsafe a2i_IPADDRESS(name) {
            let address = unsafe Array(
                UnsafeBufferPointer(start: ASN1_STRING_get0_data(octets), count: Int(ASN1_STRING_length(octets)))
            )
            unsafe ASN1_OCTET_STRING_free(octets)
            checked.append(.address(address, text: name))
            continue
        }
        ERR_clear_error()
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "*"): true
            default: byte.isAlphanumeric
            }
        }
        guard isPlain, (1...253).contains(name.utf8.count) else {
            throw TLSError(.configuration, "'\(name)' is neither a DNS name nor an address")
        }
        checked.append(.dns(name.lowercased()))
    }
    return checked
}

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
    var wantedNames: Set<String> = [], wantedAddresses: Set<[UInt8]> = []
    for name in names {
        switch name {
        case .dns(let name): wantedNames.insert(name)
        case .address(let octets, _): wantedAddresses.insert(octets)
        }
    }
    return Set(pair.certificate.alternativeDNSNames) == wantedNames
        && Set(pair.certificate.addresses) == wantedAddresses
}

/// The directory of the certificates, locked against another process that makes them too.
struct CertificateFolder: ~Copyable {
    private let directory: String
    private let descriptor: CInt

    init(_ directory: String) throws(TLSError) {
        guard unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw Self.failure(directory) }
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(directory) }
        guard flock(descriptor, LOCK_EX) == 0 else {
            let failure = Self.failure(directory)
            _ = Glibc.close(descriptor)
            throw failure
        }
        self.directory = directory
        self.descriptor = descriptor
    }

    deinit { _ = Glibc.close(descriptor) }

    func path(_ name: String) -> String { directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)" }

    /// Replaces a file at once; nobody ever sees half of it, or a key that others may read.
    func write(_ bytes: [UInt8], to name: String, isSecret: Bool) throws(TLSError) {
        let target = path(name)
        let temporary = "\(target).\(getpid()).new"
        unsafe unlink(temporary)
        let file = unsafe open(
            temporary,
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            isSecret ? 0o600 : 0o644
        )
        guard file >= 0 else { throw Self.failure(target) }
        let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        let isWritten = written == bytes.count && fsync(file) == 0
        let isClosed = Glibc.close(file) == 0
        guard isWritten, isClosed, unsafe rename(temporary, target) == 0 else {
            let failure = Self.failure(target)
            unsafe unlink(temporary)
            throw failure
        }
    }

    private static func failure(_ path: String) -> TLSError {
        TLSError(.file, unsafe String(cString: strerror(errno)), file: path)
    }
}
