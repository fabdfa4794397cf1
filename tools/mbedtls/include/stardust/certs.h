/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <stardust/certs.h>, -lcerts: the certificates of authorities a program trusts, for mbedTLS.
 *
 * They come from a file of the guest, or are linked in:
 *
 *     stardust-cc prog.c -DCERTIFICATES='"ca.pem"' $(stardust-cc -print-
 * sysroot)/lib/certificates.S \
 *             -lcerts -lmbedtls -lmbedx509 -lmbedcrypto
 *
 * where ca.pem is a file of the build machine: one or more certificates in PEM, one after another.
 */
#ifndef STARDUST_CERTS_H
#define STARDUST_CERTS_H

#include <mbedtls/x509_crt.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

/* The file that is read when no other is named, as Debian's ca-certificates makes it. */
#define CERTS_FILE "/etc/ssl/certs/ca-certificates.crt"

/*
 * Adds authorities to `certs`, which the caller has initialised and frees: those of the file
 * `path`; when it is NULL those of the file the environment's SSL_CERT_FILE names, of CERTS_FILE
 * when there is one, or else those linked in. The number of certificates added, at least 1; -1
 * with errno: ENOENT, no such file and none linked in; EINVAL, not one certificate in it could be
 * read; ENOMEM; or what reading it gave. Certificates that cannot be read, among others that can,
 * are passed over.
 */
int certs_load(mbedtls_x509_crt *certs, const char *path);

/* What is linked in: certificates.S. Both are NULL without it. */
extern const char stardust_certificates[] __attribute__((weak));
extern const char stardust_certificates_end[] __attribute__((weak));

__END_DECLS

#endif
