# SPDX-License-Identifier: BSD-2-Clause
# httpd with TLS: the sources of examples/httpd and tls.c. The guest's ports 80 and 443 are this machine's 8080
# and 8443. Its certificate is made here, for this example alone, and signs itself.
https_SOURCES := examples/httpd/httpd.c examples/httpd/reply.c examples/httpd/request.c examples/httpd/text.c \
	examples/httpd/worker.c examples/https/tls.c
https_CFLAGS := -O2 -Wall -Wextra -iquote .
https_LIBS := -lmbedtls -lmbedx509 -lmbedcrypto
https_RUN_FLAGS := --forward tcp:127.0.0.1:8080-10.0.2.20:80 --forward tcp:127.0.0.1:8443-10.0.2.20:443

HTTPS_ROOT := $(B)/examples/https/root
$(HTTPS_ROOT)/tls/cert.pem: examples/https/https.mk
	@rm -rf $(@D)
	@mkdir -p $(@D)
	$(Q)openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout $(@D)/key.pem -out $@.new 2>$(@D)/openssl.log \
		|| { cat $(@D)/openssl.log >&2; exit 1; }
	@rm -f $(@D)/openssl.log
	@mv $@.new $@
$(B)/examples/https/https.cpio: $(HTTPS_ROOT)/tls/cert.pem $(shell find examples/httpd/root -print)
	@mkdir -p $(HTTPS_ROOT)/www
	@cp -R examples/httpd/root/. $(HTTPS_ROOT)/www/
	$(Q)cd $(HTTPS_ROOT) && find . -mindepth 1 | LC_ALL=C sort | \
		cpio --quiet -o -H newc --reproducible -R 0:0 >$(abspath $@)
https_MORE := $(B)/examples/https/https.cpio
