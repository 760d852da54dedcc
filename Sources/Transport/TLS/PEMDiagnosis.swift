// Explains to an operator what is wrong with a PEM file. OpenSSL itself only reports where its parser stopped.
internal import Glibc

/// Explains why OpenSSL could not read a PEM file.
enum PEMDiagnosis {
    enum Expected: Equatable {
        /// A certificate; `number` is its number in the file, from 1.
        case certificate(number: Int)
        case privateKey
    }

    /// The maximum number of bytes of a file that are examined.
    private static let bytesMax = 1 << 20

    /// Why the file at `path` holds no usable certificate or key, in words that follow the file's name.
    static func reason(_ path: String, expecting expected: Expected) -> String {
        guard let bytes = read(path) else { return "cannot be read: \(SystemError.text(errno))" }
        return reason(bytes, expecting: expected)
    }

    static func reason(_ bytes: [UInt8], expecting expected: Expected) -> String {
        if bytes.isEmpty { return "is empty" }
        if let reason = markReason(bytes) { return reason }
        let labels = labels(in: bytes)
        if labels.isEmpty, bytes[0] == 0x30 {
            return
                "is binary (DER or PKCS#12), not PEM: convert it with 'openssl x509', 'openssl pkey' or 'openssl pkcs12'"
        }
        if labels.isEmpty, String(decoding: bytes, as: UTF8.self).contains("-----BEGIN ") {
            return "is indented or damaged: its '-----BEGIN' lines must have nothing before them"
        }
        switch expected {
        case .certificate(let number): return certificateReason(labels, number: number)
        case .privateKey: return keyReason(labels, isEncrypted: contains(bytes, "Proc-Type: 4,ENCRYPTED"))
        }
    }

    /// The message for a file at `path` that begins with a byte order mark; nil if the file has no such mark.
    ///
    /// OpenSSL reports no error for a byte order mark, but treats the first line of the file as a comment and skips it.
    static func reasonOfMark(_ path: String) -> String? { read(path, bytesMax: 3).flatMap { markReason($0) } }

    /// The message for contents that begin with a byte order mark; nil if the contents have no such mark.
    static func reasonOfMark(in bytes: [UInt8]) -> String? { markReason(bytes) }

    private static func markReason(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            return "begins with a byte order mark, which is no part of PEM: save the file without one"
        }
        guard bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) else { return nil }
        return "is UTF-16 text: save it as ASCII or UTF-8"
    }

    private static func certificateReason(_ labels: [String], number: Int) -> String {
        if labels.contains(where: { $0.hasSuffix("CERTIFICATE") }) {
            return number == 1 ? "holds a damaged certificate" : "holds a damaged certificate: it is number \(number)"
        }
        if labels.contains(where: { $0.hasSuffix("PRIVATE KEY") }) {
            return "holds a private key and no certificate: are chain and key exchanged?"
        }
        if labels.contains(where: { $0.hasSuffix("CERTIFICATE REQUEST") }) {
            return "holds a certificate request, and not the certificate that an authority makes of it"
        }
        if labels.contains("PKCS7") {
            return "holds PKCS#7 and not certificates: convert it with 'openssl pkcs7 -print_certs'"
        }
        return "holds no certificate in PEM form ('-----BEGIN CERTIFICATE-----')" + others(labels)
    }

    private static func keyReason(_ labels: [String], isEncrypted: Bool) -> String {
        if isEncrypted || labels.contains("ENCRYPTED PRIVATE KEY") {
            return
                "is protected by a password, for which nobody could be asked: write it without one, with 'openssl pkey'"
        }
        if labels.contains("OPENSSH PRIVATE KEY") {
            return "holds a key in OpenSSH's form: convert it with 'ssh-keygen -p -m PKCS8'"
        }
        if labels.contains(where: { $0.hasSuffix("PRIVATE KEY") }) { return "holds a damaged private key" }
        if labels.contains(where: { $0.hasSuffix("CERTIFICATE") }) {
            return "holds a certificate and no private key: are chain and key exchanged?"
        }
        if labels.contains(where: { $0.hasSuffix("PUBLIC KEY") }) { return "holds a public key and no private key" }
        return "holds no private key in PEM form ('-----BEGIN PRIVATE KEY-----')" + others(labels)
    }

    private static func others(_ labels: [String]) -> String {
        labels.first.map { ", but '\($0.prefix(40))'" } ?? ""
    }

    /// The labels of the first 64 PEM objects: the text between `-----BEGIN ` and `-----`.
    private static func labels(in bytes: [UInt8]) -> [String] {
        var labels: [String] = []
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) where labels.count < 64 {
            guard line.starts(with: "-----BEGIN ".utf8) else { continue }
            let label = line.dropFirst(11).prefix { $0 != UInt8(ascii: "-") }
            guard label.allSatisfy({ (0x20...0x7E).contains($0) }) else { continue }
            labels.append(String(decoding: label, as: UTF8.self))
        }
        return labels
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).contains { $0.elementsEqual(text.utf8) }
    }

    /// The first `bytesMax` bytes of the file; nil if the file cannot be read, with the error in `errno`.
    private static func read(_ path: String, bytesMax: Int = Self.bytesMax) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        var count = 0
        while count < bytesMax {
            let step = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress! + count, bytesMax - count)
            }
            if step < 0, errno == EINTR { continue }
            if step < 0 { return nil }
            if step == 0 { break }
            count += step
        }
        return Array(bytes[..<count])
    }
}
