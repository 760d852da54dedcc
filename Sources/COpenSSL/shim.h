/* A thin layer over OpenSSL 3. Swift imports neither function-like macros nor variadic functions nor constants with
 * casts, so each has a wrapper named after it. Only the wire has state: it is the memory BIO through which all TLS
 * connections of a worker read and write. Used by Transport/TLS, Transport/Crypto and CertificateAuthority. */
#pragma once
/* This include comes first, so that system types such as struct tm belong to the CLinux module in every build.
 * Otherwise the types would belong to whichever module the compiler reads first, and Swift files that import only the
 * other module could not see the members of the types. */
#include "../CLinux/shim.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* ---- The wire ------------------------------------------------------------------------------------------------- */

/* Ciphertext input and output. The TLS connections of a worker share one wire, and only one of them is inside OpenSSL
 * at a time. `input` borrows the worker's read buffer; `output` grows as needed. `key_updates` counts the TLS 1.3
 * KeyUpdate messages that arrive during one call of `TLSConnection.read`. If it exceeds `key_updates_allowed`, the wire
 * supplies no more input, and the call fails. */
struct copenssl_wire {
    const uint8_t *input;
    size_t input_length;
    uint8_t *output;
    size_t output_length, output_capacity;
    uint32_t key_updates, key_updates_allowed;
};

static inline int copenssl_wire_read(BIO *bio, char *buffer, size_t length, size_t *moved) {
    struct copenssl_wire *wire = (struct copenssl_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *moved = 0;
    if (wire->key_updates > wire->key_updates_allowed) return 0;
    if (wire->input_length == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t count = length < wire->input_length ? length : wire->input_length;
    memcpy(buffer, wire->input, count);
    wire->input += count;
    wire->input_length -= count;
    *moved = count;
    return 1;
}

static inline int copenssl_wire_write(BIO *bio, const char *bytes, size_t length, size_t *moved) {
    struct copenssl_wire *wire = (struct copenssl_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (length > wire->output_capacity - wire->output_length) {
        size_t capacity = wire->output_capacity ? wire->output_capacity : 32768;
        while (capacity - wire->output_length < length) capacity *= 2;
        uint8_t *grown = (uint8_t *)realloc(wire->output, capacity);
        if (!grown) abort();
        wire->output = grown;
        wire->output_capacity = capacity;
    }
    memcpy(wire->output + wire->output_length, bytes, length);
    wire->output_length += length;
    *moved = length;
    return 1;
}

static inline long copenssl_wire_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* Makes the BIO method, which lists the functions that OpenSSL calls to read and write the wire. TLSWire.swift calls
 * this once and stores the method for the whole process, because a variable in this header would not link into Swift.
 * The only control command that OpenSSL needs from the wire is the flush, which does nothing. */
static inline BIO_METHOD *copenssl_wire_method_new(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (!method) abort();
    BIO_meth_set_read_ex(method, copenssl_wire_read);
    BIO_meth_set_write_ex(method, copenssl_wire_write);
    BIO_meth_set_ctrl(method, copenssl_wire_ctrl);
    return method;
}

static inline BIO *copenssl_wire_bio_new(struct copenssl_wire *wire, const BIO_METHOD *method) {
    BIO *bio = BIO_new(method);
    if (!bio) return NULL;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}

/* Message callback that counts received KeyUpdate messages. It is written in C, because OpenSSL calls it for every
 * record and message, so it must cost little. */
static inline void copenssl_wire_message(
    int write, int version, int type, const void *bytes, size_t length, SSL *ssl, void *wire
) {
    (void)version, (void)ssl;
    if (type != SSL3_RT_HANDSHAKE || write || length == 0) return;
    if (*(const uint8_t *)bytes == SSL3_MT_KEY_UPDATE) ((struct copenssl_wire *)wire)->key_updates += 1;
}
static inline void copenssl_wire_count_key_updates(SSL *ssl, struct copenssl_wire *wire) {
    SSL_set_msg_callback(ssl, copenssl_wire_message);
    SSL_set_msg_callback_arg(ssl, wire);
}

/* ---- Wrappers of macros ------------------------------------------------------------------------------------------ */

static inline long copenssl_SSL_CTX_set_mode(SSL_CTX *c, long mode) { return SSL_CTX_set_mode(c, mode); }
static inline int copenssl_SSL_CTX_set_min_proto_version(SSL_CTX *c, int v) {
    return (int)SSL_CTX_set_min_proto_version(c, v);
}
static inline int copenssl_SSL_CTX_set_max_proto_version(SSL_CTX *c, int v) {
    return (int)SSL_CTX_set_max_proto_version(c, v);
}
static inline int copenssl_SSL_CTX_set1_groups_list(SSL_CTX *c, const char *list) {
    return (int)SSL_CTX_set1_groups_list(c, list);
}
static inline int copenssl_SSL_CTX_set1_sigalgs_list(SSL_CTX *c, const char *list) {
    return (int)SSL_CTX_set1_sigalgs_list(c, list);
}
static inline long copenssl_SSL_CTX_set_session_cache_mode(SSL_CTX *c, long mode) {
    return SSL_CTX_set_session_cache_mode(c, mode);
}
static inline void copenssl_SSL_CTX_set_tlsext_servername_callback(
    SSL_CTX *c, int (*callback)(SSL *, int *, void *), void *argument
) {
    SSL_CTX_set_tlsext_servername_callback(c, callback);
    SSL_CTX_set_tlsext_servername_arg(c, argument);
}
static inline int copenssl_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}
static inline void copenssl_SSL_CTX_set_app_data(SSL_CTX *c, void *data) { SSL_CTX_set_app_data(c, data); }
static inline void *copenssl_SSL_CTX_get_app_data(const SSL_CTX *c) { return SSL_CTX_get_app_data(c); }
static inline const char *copenssl_SSL_get_cipher_name(const SSL *ssl) { return SSL_get_cipher_name(ssl); }
static inline void copenssl_SSL_CTX_set_max_cert_list(SSL_CTX *c, long bytes) { SSL_CTX_set_max_cert_list(c, bytes); }
static inline long copenssl_BIO_get_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }
static inline STACK_OF(X509) *copenssl_sk_X509_new_null(void) { return sk_X509_new_null(); }
static inline int copenssl_sk_X509_push(STACK_OF(X509) *stack, X509 *x) { return sk_X509_push(stack, x); }
static inline int copenssl_sk_X509_num(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }
static inline X509 *copenssl_sk_X509_value(const STACK_OF(X509) *stack, int i) { return sk_X509_value(stack, i); }
static inline void copenssl_sk_X509_pop_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }
static inline int copenssl_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline GENERAL_NAME *copenssl_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int i) {
    return sk_GENERAL_NAME_value(names, i);
}

/* Constants that are macros with casts in OpenSSL. Swift cannot import such macros, so each has a copy here. */
static const uint64_t copenssl_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t copenssl_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t copenssl_OP_PRIORITIZE_CHACHA = SSL_OP_PRIORITIZE_CHACHA;
static const uint64_t copenssl_OP_IGNORE_UNEXPECTED_EOF = SSL_OP_IGNORE_UNEXPECTED_EOF;
static const uint64_t copenssl_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t copenssl_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const long copenssl_MODES =
    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
static const int copenssl_FILETYPE_PEM = SSL_FILETYPE_PEM;

/* Wrappers of functions that are variadic or hard to call from Swift: they generate keys, set the MAC parameters of
 * session tickets, and make certificate extensions. */
static inline EVP_PKEY *copenssl_generate_P256(void) { return EVP_EC_gen("P-256"); }
static inline EVP_PKEY *copenssl_generate_RSA2048(void) { return EVP_RSA_gen(2048); }

static inline int copenssl_ticket_init(
    EVP_CIPHER_CTX *cipher_context, EVP_MAC_CTX *mac_context, const EVP_CIPHER *cipher, const uint8_t *cipher_key,
    const uint8_t *mac_key, size_t mac_key_length, const uint8_t *iv, int encrypt
) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)mac_key, mac_key_length),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_CipherInit_ex(cipher_context, cipher, NULL, cipher_key, iv, encrypt) == 1
        && EVP_MAC_CTX_set_params(mac_context, parameters) == 1;
}

/* Prepares HMAC-SHA256 with one key, for any number of messages in succession (EVP_MAC(3)). Returns NULL if OpenSSL
 * does not provide it. */
static inline EVP_MAC_CTX *copenssl_hmac_sha256_new(const uint8_t *key, size_t key_length) {
    EVP_MAC *kind = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!kind) return NULL;
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(kind);
    EVP_MAC_free(kind);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()
    };
    if (context && EVP_MAC_init(context, key, key_length, parameters)) return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

/* Writes the 32-byte hash of one message to `tag`, and prepares the context for the next message. */
static inline int copenssl_hmac_sha256(EVP_MAC_CTX *context, const uint8_t *bytes, size_t length, uint8_t *tag) {
    size_t tag_length = 0;
    return EVP_MAC_update(context, bytes, length) && EVP_MAC_final(context, tag, &tag_length, 32) && tag_length == 32
        && EVP_MAC_init(context, NULL, 0, NULL);
}

static inline int copenssl_X509_add_extension(X509 *subject, X509 *issuer, int nid, const char *text) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, subject, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, nid, text);
    if (!extension) return 0;
    int added = X509_add_ext(subject, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

/* Writes the subject of a certificate in the form of RFC 2253, in printable ASCII and without a zero byte at the end.
 * Returns the number of bytes written, at most `capacity`; 0 or less for an empty subject or a failure. */
static inline int copenssl_X509_subject(const X509 *certificate, uint8_t *text, int capacity) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio) return -1;
    int length = -1;
    if (X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0)
        length = BIO_read(bio, text, capacity);
    BIO_free(bio);
    return length;
}

/* The message for an error code. OpenSSL has no messages for system errors, so those come from strerror. */
static inline const char *copenssl_ERR_reason(unsigned long code) {
    if (ERR_SYSTEM_ERROR(code)) return strerror(ERR_GET_REASON(code));
    const char *reason = ERR_reason_error_string(code);
    return reason ? reason : "unknown error";
}
