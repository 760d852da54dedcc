// A list of certificates (a STACK_OF(X509) of OpenSSL).

internal import COpenSSL

/// Owns a list of certificates, and frees the list in `deinit`.
@safe struct CertificateStack: ~Copyable {
    let raw: OpaquePointer

    init() {
        guard let raw = unsafe copenssl_sk_X509_new_null() else { fatalError("out of memory") }
        unsafe self.raw = unsafe raw
    }

    func append(_ certificate: borrowing Certificate) {
        unsafe X509_up_ref(certificate.raw)
        unsafe precondition(copenssl_sk_X509_push(raw, certificate.raw) > 0, "out of memory")
    }

    /// Calls `body` with each certificate, in order.
    func forEach(_ body: (borrowing Certificate) -> Void) {
        for index in 0..<(unsafe copenssl_sk_X509_num(raw)) { body(certificate(at: index)) }
    }

    /// Calls `body` with the last certificate, or with `leaf` if the list is empty.
    func last<Answer>(or leaf: borrowing Certificate, _ body: (borrowing Certificate) -> Answer) -> Answer {
        let count = unsafe copenssl_sk_X509_num(raw)
        guard count > 0 else { return body(leaf) }
        return body(certificate(at: count - 1))
    }

    /// The index of the first certificate for which `fits` is true, from 0; nil if there is none.
    func firstIndex(where fits: (borrowing Certificate) -> Bool) -> Int? {
        for index in 0..<(unsafe copenssl_sk_X509_num(raw)) where fits(certificate(at: index)) { return Int(index) }
        return nil
    }

    private func certificate(at index: CInt) -> Certificate {
        guard let certificate = unsafe copenssl_sk_X509_value(raw, index) else { fatalError("no such certificate") }
        unsafe X509_up_ref(certificate)
        return unsafe Certificate(adopting: certificate)
    }

    deinit { unsafe copenssl_sk_X509_pop_free(raw) }
}
