# SPDX-License-Identifier: BSD-2-Clause
# TLS for programs: mbedTLS from Debian's source, built out of tree with stardust-cc, into the sysroot:
# -lmbedtls -lmbedx509 -lmbedcrypto. How it is configured: tools/mbedtls/include/mbedtls. The curve P-256 and
# SHA-2 are BoringSSL's, from Debian's copy of it.

MBEDTLS := $(B)/src/mbedtls
MBEDTLS_OBJ_DIR := $(B)/mbedtls
MBEDTLS_X509 := certs pkcs11 x509 x509_create x509_crl x509_crt x509_csr x509write_crt x509write_csr
MBEDTLS_TLS := debug net_sockets ssl_cache ssl_ciphersuites ssl_cli ssl_cookie ssl_msg ssl_srv ssl_ticket \
	ssl_tls ssl_tls13_keys
MBEDTLS_CRYPTO := aes aesni aria asn1parse asn1write base64 bignum blowfish camellia ccm chacha20 \
	chachapoly cipher cipher_wrap cmac constant_time ctr_drbg des dhm ecdh ecdsa ecjpake ecp ecp_curves \
	entropy entropy_poll error gcm hkdf hmac_drbg md md2 md4 md5 memory_buffer_alloc nist_kw oid pem pk \
	pk_wrap pkcs12 pkcs5 pkparse pkwrite platform platform_util poly1305 psa_crypto psa_crypto_aead \
	psa_crypto_cipher psa_crypto_client psa_crypto_driver_wrappers psa_crypto_ecp psa_crypto_hash \
	psa_crypto_mac psa_crypto_rsa psa_crypto_se psa_crypto_slot_management psa_crypto_storage \
	psa_its_file ripemd160 rsa rsa_internal sha1 sha256 sha512 threading timing version \
	version_features xtea
MBEDTLS_LIBS := $(patsubst %,$(SYSROOT)/lib/lib%.a,mbedcrypto mbedx509 mbedtls certs)
MBEDTLS_STAMP := $(SYSROOT)/.mbedtls

MBEDTLS_PATCHES := $(sort $(wildcard tools/mbedtls/*.patch))
$(MBEDTLS).stamp: tools/sources.lock tools/fetch $(MBEDTLS_PATCHES)
	@B=$(B) tools/fetch --unpack mbedtls $(MBEDTLS)
	@for p in $(abspath $(MBEDTLS_PATCHES)); do patch -s -d $(MBEDTLS) -p1 <$$p || exit 1; done
	@touch $@

# Of its 126 MB, what is compiled here, and the vectors for its tests.
BORINGSSL := $(B)/src/boringssl
BORINGSSL_FIPS := $(BORINGSSL)/src/crypto/fipsmodule
$(BORINGSSL).stamp: tools/sources.lock tools/fetch tools/mbedtls.mk
	@B=$(B) tools/fetch --unpack boringssl $(BORINGSSL).all
	@rm -rf $(BORINGSSL)
	@mkdir -p $(BORINGSSL_FIPS)
	@cd $(BORINGSSL).all && cp --parents -R LICENSE src/LICENSE src/include src/crypto/internal.h \
		src/crypto/fipsmodule/*.h src/crypto/fipsmodule/bn/internal.h src/crypto/fipsmodule/ec \
		linux-x86_64/crypto/fipsmodule src/third_party/wycheproof_testvectors/ec*_secp256r1_*test.txt \
		$(abspath $(BORINGSSL))
	@rm -rf $(BORINGSSL).all
	@touch $@
# As of lwIP.
$(BORINGSSL)/%: | $(BORINGSSL).stamp ;

# Its headers, with our choices where its own end, and ours.
$(MBEDTLS_STAMP): $(MBEDTLS).stamp $(SYSROOT_STAMP) tools/mbedtls.mk $(wildcard tools/mbedtls/include/*/*.h \
		tools/mbedtls/*.h tools/mbedtls/*.S)
	@rm -rf $(SYSROOT)/include/mbedtls $(SYSROOT)/include/psa
	@cp -R $(MBEDTLS)/include/mbedtls $(MBEDTLS)/include/psa $(SYSROOT)/include/
	@sed -i 's|^#include "mbedtls/check_config.h"|#include "mbedtls/stardust_config.h"\n&|' \
		$(SYSROOT)/include/mbedtls/config.h
	@grep -q '^#include "mbedtls/stardust_config.h"' $(SYSROOT)/include/mbedtls/config.h
	@install -m 644 tools/mbedtls/include/mbedtls/stardust_config.h $(SYSROOT)/include/mbedtls/
	@install -D -m 644 tools/mbedtls/include/stardust/certs.h $(SYSROOT)/include/stardust/certs.h
	@install -m 644 tools/mbedtls/certificates.S $(SYSROOT)/lib/
	@touch $@

MBEDTLS_CC := $(B)/bin/stardust-cc -O2 -g -c
$(MBEDTLS_OBJ_DIR)/%.o: $(MBEDTLS_STAMP) | $(SYSROOT)/.headers $(B)/bin/stardust-cc $(LIBEXEC)/mkksyms \
		$(LIBEXEC)/redzone $(LIBEXEC)/left-out
	$(call say,CC,mbedtls/$*.c)
	@mkdir -p $(@D)
	$(Q)$(MBEDTLS_CC) -w -I$(MBEDTLS)/library -Itools/mbedtls $(MBEDTLS)/library/$*.c -o $@
$(MBEDTLS_OBJ_DIR)/own/%.o: tools/mbedtls/%.c $(MBEDTLS_STAMP) | $(SYSROOT)/.headers $(B)/bin/stardust-cc \
		$(LIBEXEC)/mkksyms $(LIBEXEC)/redzone $(LIBEXEC)/left-out
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(MBEDTLS_CC) -std=gnu11 $(K_WARN) $< -o $@

# BoringSSL's part: each with its assembly in one object, in which nothing is seen but what mbedTLS calls, since a
# program may have an OpenSSL of its own.
MBEDTLS_FAST := p256 hash256 hash512
BORINGSSL_ASM := $(BORINGSSL)/linux-x86_64/crypto/fipsmodule
BORINGSSL_INCLUDE := -isystem $(BORINGSSL)/src/include -isystem $(BORINGSSL)/src
asm_of_p256 := p256-x86_64-asm
asm_of_hash256 := sha256-x86_64
asm_of_hash512 := sha512-x86_64
seen_of_p256 := stardust_p256_*
seen_of_hash256 := mbedtls_*sha256_process
seen_of_hash512 := mbedtls_*sha512_process
$(MBEDTLS_OBJ_DIR)/fast/%-c.o: tools/mbedtls/%.c $(MBEDTLS_STAMP) $(BORINGSSL).stamp | $(SYSROOT)/.headers $(B)/bin/stardust-cc
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(MBEDTLS_CC) -std=gnu11 $(K_WARN) $(BORINGSSL_INCLUDE) $< -o $@
$(MBEDTLS_OBJ_DIR)/fast/%-asm.o: $(BORINGSSL).stamp $(MBEDTLS_STAMP) | $(B)/bin/stardust-cc
	$(call say,AS,boringssl/$(asm_of_$*).S)
	@mkdir -p $(@D)
	$(Q)$(MBEDTLS_CC) $(BORINGSSL_ASM)/$(asm_of_$*).S -o $@
$(MBEDTLS_FAST:%=$(MBEDTLS_OBJ_DIR)/fast/%.o): $(MBEDTLS_OBJ_DIR)/fast/%.o: $(MBEDTLS_OBJ_DIR)/fast/%-c.o $(MBEDTLS_OBJ_DIR)/fast/%-asm.o \
		$(MBEDTLS_OBJ_DIR)/fast/asm_features-c.o
	$(Q)$(B)/bin/stardust-cc -r $^ -o $@
	$(Q)objcopy --wildcard --keep-global-symbol='$(seen_of_$*)' $@

$(SYSROOT)/lib/libmbedcrypto.a: $(MBEDTLS_CRYPTO:%=$(MBEDTLS_OBJ_DIR)/%.o) $(MBEDTLS_OBJ_DIR)/own/entropy.o \
	$(MBEDTLS_FAST:%=$(MBEDTLS_OBJ_DIR)/fast/%.o)
$(SYSROOT)/lib/libmbedx509.a: $(MBEDTLS_X509:%=$(MBEDTLS_OBJ_DIR)/%.o)
$(SYSROOT)/lib/libmbedtls.a: $(MBEDTLS_TLS:%=$(MBEDTLS_OBJ_DIR)/%.o)
$(SYSROOT)/lib/libcerts.a: $(MBEDTLS_OBJ_DIR)/own/certs.o
$(MBEDTLS_LIBS):
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

sysroot: $(MBEDTLS_LIBS)
