# SPDX-License-Identifier: BSD-2-Clause
# A client of HTTPS. The build machine's authorities are linked in, when it has any.
FETCH_CERTIFICATES ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)
fetch_SOURCES := examples/fetch/fetch.c examples/fetch/connection.c examples/fetch/url.c
fetch_LIBS := $(if $(FETCH_CERTIFICATES),-DCERTIFICATES='"$(FETCH_CERTIFICATES)"' $(SYSROOT)/lib/certificates.S) \
	-lcerts -lmbedtls -lmbedx509 -lmbedcrypto
