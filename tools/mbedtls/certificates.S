/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates linked into a program: see <stardust/certs.h>. CERTIFICATES: the file's name,
 * in quotes. */
#ifndef CERTIFICATES
#error "say which file: -DCERTIFICATES='\"ca.pem\"'"
#endif
	.section .rodata.stardust_certificates, "a", @progbits
	.globl stardust_certificates
	.globl stardust_certificates_end
	.type stardust_certificates, @object
stardust_certificates:
	.incbin CERTIFICATES
stardust_certificates_end:
	.size stardust_certificates, . - stardust_certificates
	.section .note.GNU-stack, "", @progbits
